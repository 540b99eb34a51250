"""The application and a simple model of it get the same requests and must agree."""

from collections import Counter
from functools import partial
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from application.models import MAX_INTEGER
from tests.support.api import HISTORY, show
from tests.support.cart_model import Model
from tests.support.databases import delete_all
from tests.support.needs import trials

USERS = st.integers(0, 2)
PRODUCTS = st.integers(1, 3)
QUANTITIES = st.one_of(st.integers(1, 5), st.integers(MAX_INTEGER - 5, MAX_INTEGER))
names = count()


class Shop(RuleBasedStateMachine):
    client = user_service = delete_all = answers = None  # set by the test

    def __init__(self):
        super().__init__()
        self.delete_all()
        self.users = [self.user_service.add(f"modelled {next(names)}") for _ in range(3)]
        self.models = [Model() for _ in range(3)]
        self.stored = []  # requests with keys, and their answers

    def post(self, user, name, body, key=None):
        headers = {"Authorization": f"Basic {self.users[user]['api_key']}"}
        headers |= {"Idempotency-Key": key} if key else {}
        answer = self.client.post(f"/api/order/{name}", data=body, headers=headers)
        self.answers[answer.status_code] += 1
        return answer

    @rule(user=USERS, product=PRODUCTS, quantity=QUANTITIES, keyed=st.booleans())
    def add(self, user, product, quantity, keyed):
        body = {"product_id": product, "qty": quantity}
        self.act(user, "add-item", body, keyed, self.models[user].add(product, quantity))

    @rule(user=USERS, product=PRODUCTS, quantity=QUANTITIES, keyed=st.booleans())
    def update(self, user, product, quantity, keyed):
        body = {"product_id": product, "qty": quantity}
        self.act(user, "update-item", body, keyed, self.models[user].update(product, quantity))

    @rule(user=USERS, product=PRODUCTS, keyed=st.booleans())
    def remove(self, user, product, keyed):
        body = {"product_id": product}
        self.act(user, "remove-item", body, keyed, self.models[user].remove(product))

    @rule(user=USERS, keyed=st.booleans())
    def checkout(self, user, keyed):
        self.act(user, "checkout", {}, keyed, self.models[user].checkout())

    def act(self, user, name, body, keyed, status):
        key = f"key{len(self.stored)}" if keyed else None
        answer = self.post(user, name, body, key)
        assert answer.status_code == status
        if status == 200:
            self.check_order(user, answer.json["result"], len(self.models[user].orders) - 1)
        if keyed and status != 400:
            self.stored.append((user, name, body, key, answer))

    @rule(data=st.data())
    def repeat(self, data):
        if self.stored:
            user, name, body, key, first = data.draw(st.sampled_from(self.stored))
            again = self.post(user, name, body, key)
            assert (again.status_code, again.data) == (first.status_code, first.data)
            assert again.headers["Idempotent-Replayed"] == "true"

    @rule(data=st.data(), product=PRODUCTS)
    def use_the_key_for_another_request(self, data, product):
        if self.stored:
            user, _, _, key, _ = data.draw(st.sampled_from(self.stored))
            body = {"product_id": product, "qty": 6}  # no other rule sends it
            assert self.post(user, "add-item", body, key).status_code == 422

    @rule(
        name=st.sampled_from(["add-item", "update-item", "remove-item", "checkout"]),
        key=st.text("abc $/.", max_size=5),
    )
    def fail_to_log_in(self, name, key):
        answer = self.client.post(f"/api/order/{name}", headers={"Authorization": key})
        assert answer.status_code == 401

    @rule(user=USERS)
    def show(self, user):
        headers = {"Authorization": self.users[user]["api_key"]}
        answer = show(self.client, headers).json
        if self.models[user].is_open:
            self.check_order(user, answer["result"], len(self.models[user].orders) - 1)
        else:
            assert answer == {"message": "No order found"}

    @rule(user=USERS)
    def history(self, user):
        headers = {"Authorization": self.users[user]["api_key"]}
        orders = self.client.get(f"{HISTORY}?limit=100", headers=headers).json
        closed = len(self.models[user].orders) - self.models[user].is_open
        assert len(orders) == min(closed, 100)
        for number, order in zip(range(closed - 1, -1, -1), orders, strict=False):
            self.check_order(user, order, number)

    def teardown(self):
        for user, model in enumerate(self.models):
            ours = self.users[user]["id"]
            orders = [o for o in self.client.get("/api/orders").json if o["user_id"] == ours]
            assert len(orders) == len(model.orders)
            for number, order in enumerate(orders):
                self.check_order(user, order, number)

    def check_order(self, user, order, number):
        model = self.models[user]
        assert order["user_id"] == self.users[user]["id"]
        assert order["is_open"] == (model.is_open and number == len(model.orders) - 1)
        lines = [(item["product_id"], item["quantity"]) for item in order["items"]]
        assert lines == list(model.orders[number].items())


@trials(30, 500)
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
