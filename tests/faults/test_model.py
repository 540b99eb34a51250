"""The real application beside a model of it: whatever callers do, both say the same."""

from functools import partial
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from application.models import MAX_INTEGER
from tests.conftest import forget_all
from tests.faults import trials

USERS = st.integers(0, 2)
PRODUCTS = st.integers(1, 3)
QUANTITIES = st.one_of(st.integers(1, 5), st.integers(MAX_INTEGER - 5, MAX_INTEGER))
names = count()


class Model:
    """A user's orders: the last may be open, and only it changes."""

    def __init__(self):
        self.orders, self.is_open = [], False

    def add(self, product, quantity):
        lines = self.orders[-1] if self.is_open else {}
        if lines.get(product, 0) + quantity > MAX_INTEGER:
            return 400
        self.orders += [] if self.is_open else [lines]
        self.is_open = True
        lines[product] = lines.get(product, 0) + quantity
        return 200

    def change(self, product, quantity):
        """Set a line's quantity, or remove the line where it is None."""
        if not self.is_open or product not in self.orders[-1]:
            return 404
        if quantity is None:
            del self.orders[-1][product]
        else:
            self.orders[-1][product] = quantity
        return 200

    def checkout(self):
        if not self.is_open:
            return 404
        if not self.orders[-1]:
            return 409
        self.is_open = False
        return 200


class Shop(RuleBasedStateMachine):
    client = user_service = forget = None  # of the test

    def __init__(self):
        super().__init__()
        self.forget()
        self.users = [self.user_service.add(f"modelled {next(names)}") for _ in range(3)]
        self.models = [Model() for _ in range(3)]
        self.kept = []  # requests with keys, and their answers

    def post(self, user, name, body, key=None):
        headers = {"Authorization": f"Basic {self.users[user]['api_key']}"}
        headers |= {"Idempotency-Key": key} if key else {}
        return self.client.post(f"/api/order/{name}", data=body, headers=headers)

    @rule(user=USERS, product=PRODUCTS, quantity=QUANTITIES, keyed=st.booleans())
    def add(self, user, product, quantity, keyed):
        body = {"product_id": product, "qty": quantity}
        self.act(user, "add-item", body, keyed, self.models[user].add(product, quantity))

    @rule(user=USERS, product=PRODUCTS, quantity=QUANTITIES, keyed=st.booleans())
    def update(self, user, product, quantity, keyed):
        body = {"product_id": product, "qty": quantity}
        self.act(user, "update-item", body, keyed, self.models[user].change(product, quantity))

    @rule(user=USERS, product=PRODUCTS, keyed=st.booleans())
    def remove(self, user, product, keyed):
        body = {"product_id": product}
        self.act(user, "remove-item", body, keyed, self.models[user].change(product, None))

    @rule(user=USERS, keyed=st.booleans())
    def checkout(self, user, keyed):
        self.act(user, "checkout", {}, keyed, self.models[user].checkout())

    def act(self, user, name, body, keyed, status):
        key = f"key{len(self.kept)}" if keyed else None
        answer = self.post(user, name, body, key)
        assert answer.status_code == status
        if status == 200:
            self.is_right(user, answer.json["result"], len(self.models[user].orders) - 1)
        if keyed and status != 400:
            self.kept.append((user, name, body, key, answer))

    @rule(data=st.data())
    def repeat(self, data):
        if self.kept:
            user, name, body, key, first = data.draw(st.sampled_from(self.kept))
            again = self.post(user, name, body, key)
            assert (again.status_code, again.data) == (first.status_code, first.data)
            assert again.headers["Idempotent-Replayed"] == "true"

    @rule(data=st.data(), product=PRODUCTS)
    def reuse_the_key(self, data, product):
        if self.kept:
            user, _, _, key, _ = data.draw(st.sampled_from(self.kept))
            body = {"product_id": product, "qty": 6}  # no other rule's
            assert self.post(user, "add-item", body, key).status_code == 422

    @rule(
        name=st.sampled_from(["add-item", "update-item", "remove-item", "checkout"]),
        key=st.text("abc $/.", max_size=5),
    )
    def fail_to_log_in(self, name, key):
        answer = self.client.post(f"/api/order/{name}", headers={"Authorization": key})
        assert answer.status_code == 401

    @rule(user=USERS)
    def look(self, user):
        headers = {"Authorization": self.users[user]["api_key"]}
        answer = self.client.get("/api/order", headers=headers).json
        if self.models[user].is_open:
            self.is_right(user, answer["result"], len(self.models[user].orders) - 1)
        else:
            assert answer == {"message": "No order found"}

    @rule(user=USERS)
    def look_back(self, user):
        headers = {"Authorization": self.users[user]["api_key"]}
        orders = self.client.get("/api/order/history?limit=100", headers=headers).json
        closed = len(self.models[user].orders) - self.models[user].is_open
        assert len(orders) == min(closed, 100)
        for number, order in zip(range(closed - 1, -1, -1), orders, strict=False):
            self.is_right(user, order, number)

    def teardown(self):
        for user, model in enumerate(self.models):
            ours = self.users[user]["id"]
            orders = [o for o in self.client.get("/api/orders").json if o["user_id"] == ours]
            assert len(orders) == len(model.orders)
            for number, order in enumerate(orders):
                self.is_right(user, order, number)

    def is_right(self, user, order, number):
        model = self.models[user]
        assert order["user_id"] == self.users[user]["id"]
        assert order["is_open"] == (model.is_open and number == len(model.orders) - 1)
        lines = [(item["product_id"], item["quantity"]) for item in order["items"]]
        assert lines == list(model.orders[number].items())


@trials(30, 500)
def test_the_service_does_what_the_model_does(client, user_service, app, report, trials):
    Shop.client, Shop.user_service = client, user_service
    Shop.forget = staticmethod(partial(forget_all, app))
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
    report("model-based sequences", trials, app.config["DATABASE_URL"], "no difference")
