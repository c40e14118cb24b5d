"""Methods every webhook has: who am I, what may I, what time is it."""

from __future__ import annotations

from demo.company import catalogue as c
from demo.rest import errors
from demo.rest.parameters import Parameters
from demo.rest.service import METHODS, Answer, Service, method


@method("profile")
def profile(service: Service, p: Parameters) -> Answer:
    user = next(u for u in c.USERS if u.id == service.settings.user)
    return Answer(
        {
            "ID": str(user.id),
            "ADMIN": service.settings.admin,
            "NAME": user.name,
            "LAST_NAME": user.last_name,
            "PERSONAL_GENDER": "",
            "TIME_ZONE": "",
        }
    )


@method("scope")
def scope(service: Service, p: Parameters) -> Answer:
    if str(p.get("full", "")).lower() in ("1", "true", "y"):
        return Answer(sorted({name for entry in METHODS.values() for name in entry.scopes}))
    return Answer(list(service.settings.scopes))


@method("server.time")
def server_time(service: Service, p: Parameters) -> Answer:
    return Answer(service.encoder.moment(int(service.now())))


@method("method.get")
def method_get(service: Service, p: Parameters) -> Answer:
    entry = METHODS.get(str(p.get("name", "")).lower())
    return Answer(
        {"isExisting": entry is not None, "isAvailable": entry is not None and service.allowed(entry.scopes)}
    )


@method("methods")
def methods(service: Service, p: Parameters) -> Answer:
    return Answer(sorted(name for name, entry in METHODS.items() if service.allowed(entry.scopes)))


@method("app.info")
def app_info(service: Service, p: Parameters) -> Answer:
    raise errors.RestError(400, "ACCESS_DENIED", "Access denied! Application context required")
