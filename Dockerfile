FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /orderapp

COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
# The service runs as any user; a clone may have been made so that only its owner can read it.
RUN chmod -R a+rX .

USER 10001:10001
ENV CONFIGURATION_SETUP=config.ProductionConfig FLASK_APP=run.py
EXPOSE 5003
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-c", "\
import http.client as h, os; port = os.environ.get('PORT') or 5003; \
c = h.HTTPConnection('127.0.0.1', port, timeout=2); \
c.request('GET', '/healthz'); assert c.getresponse().status == 200"]
ENTRYPOINT ["gunicorn"]
CMD ["run:app"]
