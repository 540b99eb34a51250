"""The application and a simple model of it get the same requests and must agree."""

from collections import Counter
from functools import partial
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from application.models import MAX_INTEGER
from tests.support.api import HISTORY
from tests.support.cart_model import Model, foreseen
from tests.support.databases import delete_all
from tests.support.model_http import CONDITIONS, PATHS, as_shown, to_answer, to_http
from tests.support.needs import trials

USERS = range(2)
A_USER = st.sampled_from(USERS)
PRODUCTS = st.integers(1, 3)
QUANTITIES = st.one_of(st.integers(1, 5), st.integers(MAX_INTEGER - 5, MAX_INTEGER))
ADDS = st.tuples(st.just("add"), PRODUCTS, QUANTITIES)
CHANGES = st.one_of(
    ADDS,
    st.tuples(st.just("update"), PRODUCTS, QUANTITIES),
    st.tuples(st.just("remove"), PRODUCTS),
    st.sampled_from([("clear",), ("checkout",)]),
)
names = count()


class Shop(RuleBasedStateMachine):
    client = user_service = delete_all = answers = None  # set by the test

    def __init__(self):
        super().__init__()
        self.delete_all()
        self.users = [self.user_service.add(f"modelled {next(names)}") for _ in USERS]
        self.models = [Model() for _ in USERS]
        self.stored = []  # requests with keys, and their answers
        self.tags = {}  # the ETags that were seen, by the part that the model foresees

    def send(self, user, request, key=None, kind="data"):
        method, path, fields, headers = to_http(*request)
        headers |= self.login(user) | ({"Idempotency-Key": key} if key else {})
        answer = self.client.open(path, method=method, headers=headers, **{kind: fields})
        self.answers[answer.status_code] += 1
        return answer

    def login(self, user):
        return {"Authorization": f"Basic {self.users[user]['api_key']}"}

    def act(self, user, request, keyed=False):
        key = f"key{len(self.stored)}" if keyed else None
        answer = self.send(user, request, key)
        told = to_answer(answer.status_code, answer.headers, answer.json if answer.data else None)
        if tag := foreseen(told.etag):
            self.tags[tag] = told.etag
        assert told._replace(etag=tag) == self.models[user].answer(request, told)
        if answer.status_code == 200 and told.order:
            assert answer.json["result"]["user_id"] == self.users[user]["id"]
        elif answer.status_code != 304:
            assert [*answer.json] == ["message"]
        if keyed and answer.request.method == "POST" and answer.status_code != 400:
            self.stored.append((user, request, key, answer))

    @rule(user=A_USER, request=ADDS, keyed=st.booleans())
    def add(self, user, request, keyed):
        self.act(user, request, keyed)

    @rule(user=A_USER, request=CHANGES, keyed=st.booleans())
    def change(self, user, request, keyed):
        self.act(user, request, keyed)

    @rule(user=A_USER, data=st.data())
    def show(self, user, data):
        self.act(user, data.draw(self.some_shows()))

    @rule(user=A_USER, name=st.sampled_from([*CONDITIONS]), data=st.data(), keyed=st.booleans())
    def act_on_a_condition(self, user, name, data, keyed):
        etags, request = self.some_etags(user), CHANGES | self.some_shows()
        self.act(user, (name, data.draw(etags), *data.draw(request)), keyed)

    def some_shows(self):
        ids = [MAX_INTEGER, *(order.id for order in self.all_orders())]
        return st.just(("show",)) | st.tuples(st.just("show_by_id"), st.sampled_from(ids))

    def some_etags(self, user):
        latest = self.models[user].orders[-1:]
        etags = ['"0-1-01234567"']
        etags += [self.tags[order.etag] for order in latest * 2 + self.all_orders()]
        for order in latest:
            before = f'"{order.id}-{order.version - 1}"'
            etags += [f"W/{self.tags[order.etag]}"] * 2 + [self.tags.get(before, before)]
        return st.just(["*"]) | st.lists(st.sampled_from(etags), min_size=1, max_size=2)

    def all_orders(self):
        return [order for model in self.models for order in model.orders]

    @rule(data=st.data(), kind=st.sampled_from(["data", "json"]))
    def repeat(self, data, kind):
        if self.stored:
            user, request, key, first = data.draw(st.sampled_from(self.stored))
            again = self.send(user, request, key, kind)
            assert (again.status_code, again.data) == (first.status_code, first.data)
            assert again.headers.get("ETag") == first.headers.get("ETag")
            assert again.headers["Idempotent-Replayed"] == "true"

    @rule(data=st.data(), product=PRODUCTS)
    def use_the_key_for_another_request(self, data, product):
        if self.stored:
            user, _, key, _ = data.draw(st.sampled_from(self.stored))
            assert self.send(user, ("add", product, 6), key).status_code == 422  # 6: only here

    @rule(path=st.sampled_from([*PATHS.values()]), key=st.text("abc $/.", max_size=5))
    def fail_to_log_in(self, path, key):
        assert self.client.post(path, headers={"Authorization": key}).status_code == 401

    @rule(user=A_USER)
    def history(self, user):
        shown = self.client.get(f"{HISTORY}?limit=100", headers=self.login(user)).json
        closed = [order for order in self.models[user].orders if not order.is_open]
        assert [as_shown(order) for order in shown] == [o.as_shown() for o in closed[::-1]]

    @rule(user=A_USER)
    def list_orders_of(self, user):
        user_id = self.users[user]["id"]
        shown = self.client.get(f"/api/orders?user_id={user_id}").json
        assert {order["user_id"] for order in shown} <= {user_id}
        orders = [order.as_shown() for order in self.models[user].orders]
        assert [as_shown(order) for order in shown] == orders

    def teardown(self):
        for user in USERS:
            self.list_orders_of(user)
        shown = self.client.get("/api/orders").json
        assert [order["id"] for order in shown] == sorted(o.id for o in self.all_orders())


@trials(60, 500)
def test_the_application_and_the_model_agree(client, user_service, app, report, trials):
    Shop.client, Shop.user_service = client, user_service
    Shop.delete_all = staticmethod(partial(delete_all, app))
    Shop.answers = Counter()
    run_state_machine_as_test(
        Shop,
        settings=settings(
            max_examples=trials,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    found = f"as the model says: {dict(Shop.answers)}"
    report("model-based sequences", trials, app.config["DATABASE_URL"], found)
