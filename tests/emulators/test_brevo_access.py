from tests.emulators.brevo_account import account, refusal

HOOK = {"url": "https://tajo.test/brevo", "type": "marketing", "events": ["unsubscribed"]}


async def test_without_a_key_or_with_a_wrong_one_it_is_401_without_limit_headers() -> None:
    async with account() as brevo:
        wrong = await brevo.http.get("/account", headers={"api-key": "xkeysib-other"})
        assert refusal(wrong) == (401, "unauthorized")
        assert wrong.json()["message"] == "Key not found"
        assert not [name for name in wrong.headers if name.startswith("x-sib-ratelimit")]
        del brevo.http.headers["api-key"]
        none = await brevo.http.get("/account")
        assert (none.status_code, none.json()["message"]) == (401, "authentication not found in headers")


async def test_a_key_may_expire_and_be_replaced() -> None:
    async with account() as brevo:
        brevo.api_key = "xkeysib-next"
        assert (await brevo.http.get("/account")).status_code == 401
        assert (await brevo.http.get("/account", headers={"api-key": "xkeysib-next"})).status_code == 200


async def test_an_unknown_address_is_401_and_names_the_cure() -> None:
    async with account() as brevo:
        brevo.faults.unrecognised_address = True
        answer = await brevo.http.get("/account")
        assert refusal(answer) == (401, "unauthorized")
        assert "https://app.brevo.com/security/authorised_ips" in answer.json()["message"]


async def test_unknown_paths_and_methods_are_refused_in_the_envelope() -> None:
    async with account() as brevo:
        assert refusal(await brevo.http.get("/nothing")) == (404, "document_not_found")
        assert refusal(await brevo.http.patch("/account")) == (405, "method_not_allowed")


async def test_every_answer_carries_a_request_id() -> None:
    async with account() as brevo:
        first, second = await brevo.http.get("/account"), await brevo.http.get("/account")
        assert first.headers["sib-request-id"] != second.headers["sib-request-id"]


async def test_webhooks_are_made_read_changed_and_deleted() -> None:
    async with account() as brevo:
        made = await brevo.http.post("/webhooks", json=HOOK)
        assert (made.status_code, made.json()) == (201, {"id": 1})
        change = {"events": ["unsubscribed", "spam"]}
        assert (await brevo.http.put("/webhooks/1", json=change)).status_code == 204
        assert (await brevo.http.get("/webhooks/1")).json()["events"] == ["unsubscribed", "spam"]
        assert len((await brevo.http.get("/webhooks?type=marketing")).json()["webhooks"]) == 1
        assert (await brevo.http.get("/webhooks?type=transactional")).json() == {"webhooks": []}
        assert (await brevo.http.delete("/webhooks/1")).status_code == 204
        assert refusal(await brevo.http.get("/webhooks/1")) == (404, "document_not_found")


async def test_a_bad_webhook_is_refused() -> None:
    async with account() as brevo:
        bad: list[dict[str, object]] = [
            {"url": None},
            {"url": "tajo.test"},
            {"events": None},
            {"events": []},
            {"events": ["inboundEmailProcessed"]},
            {"type": "other"},
        ]
        for changes in bad:
            answer = await brevo.http.post("/webhooks", json={**HOOK, **changes})
            assert answer.status_code == 400, changes
        assert brevo.state.webhooks == {}
