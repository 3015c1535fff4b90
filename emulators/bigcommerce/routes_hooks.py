"""``/v3/hooks`` and ``/v3/hooks/admin`` (webhooks.v3.yml)."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.bigcommerce.answers import pagination, v3_answer, v3_error
from emulators.bigcommerce.blocking import Blocklist
from emulators.bigcommerce.hooks import Hook, Hooks, RefusedHook
from emulators.bigcommerce.queries import Query


class HookRoutes:
    def __init__(self, hooks: Hooks, blocklist: Blocklist) -> None:
        self._hooks, self._blocklist = hooks, blocklist

    def routes(self) -> list[Route]:
        return [
            Route("/hooks", self.list, methods=["GET"]),
            Route("/hooks", self.create, methods=["POST"]),
            Route("/hooks/admin", self.admin, methods=["GET"]),
            Route("/hooks/admin", self.set_emails, methods=["PUT"]),
            Route("/hooks/{hook_id:int}", self.one, methods=["GET", "PUT", "DELETE"]),
        ]

    async def list(self, request: Request) -> Response:
        query = Query(request.query_params)
        active, scope, destination = query.flag("is_active"), query.text("scope"), query.text("destination")
        found = [
            hook
            for hook in self._hooks.all()
            if (active is None or hook.is_active == active)
            and (scope is None or hook.scope == scope)
            and (destination is None or hook.destination == destination)
        ]
        page, limit = query.page(), query.limit_v3()
        rows = found[(page - 1) * limit : page * limit]
        meta = pagination(request, page=page, limit=limit, count=len(rows), total=len(found))
        return v3_answer([self._hooks.shown(hook) for hook in rows], {"pagination": meta})

    async def create(self, request: Request) -> Response:
        return v3_answer(self._hooks.shown(self._hooks.create(await _body(request))))

    async def one(self, request: Request) -> Response:
        hook = self._hooks.get(request.path_params["hook_id"])
        if hook is None:
            return v3_error(404, f"Webhook with id [{request.path_params['hook_id']}] not found")
        if request.method == "DELETE":
            self._hooks.delete(hook)
        elif request.method == "PUT":
            hook = self._hooks.change(hook, await _body(request))
        return v3_answer(self._hooks.shown(hook))

    async def admin(self, request: Request) -> Response:
        """Which hooks fell silent, and which domains are blocked."""
        active = Query(request.query_params).flag("is_active")
        hooks = [hook for hook in self._hooks.all() if active is None or hook.is_active == active]
        data: dict[str, Any] = {
            "emails": self._hooks.emails,
            "hooks_list": [self._admin_view(hook) for hook in hooks],
            "blocked_domains": self._blocklist.shown(),
        }
        meta = pagination(request, page=1, limit=max(1, len(hooks)), count=len(hooks), total=len(hooks))
        return v3_answer(data, {"pagination": meta})

    def _admin_view(self, hook: Hook) -> dict[str, Any]:
        return {**self._hooks.shown(hook), "status": self._hooks.status(hook)}

    async def set_emails(self, request: Request) -> Response:
        body = await _body(request)
        emails = body.get("emails") if isinstance(body, dict) else None
        if not isinstance(emails, list) or not all(isinstance(email, str) for email in emails):
            raise RefusedHook(422, "JSON data is missing or invalid", {"emails": "error.path.missing."})
        self._hooks.emails = emails
        return Response(status_code=204)


async def _body(request: Request) -> Any:
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise RefusedHook(400, "Input is invalid.") from None
