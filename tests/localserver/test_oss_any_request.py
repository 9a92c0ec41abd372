"""Whatever is sent in the dialect `oss`, an answer comes, and the server goes on."""

import asyncio
import json
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from mem0tray.localserver.app import build
from mem0tray.localserver.store import Store

NAMES = st.sampled_from(["user_id", "agent_id", "run_id", "mem0tray_id", "mem0tray_project", "a"])
TEXTS = st.sampled_from(["", " ", "*", "a b", "alpha", "two%20words", "%", "\0", "\ud800", "NaN"])
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
ANY = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=5
)
MESSAGES = st.lists(
    st.fixed_dictionaries({}, optional={"role": TEXTS | ANY, "content": TEXTS | ANY}), max_size=3
)
FIELDS = {
    "messages": MESSAGES | ANY,
    "user_id": TEXTS | ANY,
    "agent_id": TEXTS | ANY,
    "run_id": TEXTS | ANY,
    "metadata": st.dictionaries(NAMES, ANY) | ANY,
    "infer": ANY,
    "query": TEXTS | ANY,
    "text": TEXTS | ANY,
    "filters": st.dictionaries(NAMES, ANY) | ANY,
    "threshold": ANY,
    "top_k": ANY,
}
BODIES = st.fixed_dictionaries({}, optional=FIELDS)
REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                ("POST", "/memories"),
                ("POST", "/search"),
                ("PUT", "/memories/1"),
                ("GET", "/memories?user_id=alpha"),
                ("GET", "/memories?user_id=two%2520words&agent_id=%00&top_k=5"),
                ("GET", "/memories?user_id=%ED%A0%80"),
                ("GET", "/memories?run_id=%ff"),
                ("GET", "/entities"),
                ("DELETE", "/memories?agent_id=alpha"),
                ("DELETE", "/memories/1"),
            ]
        ),
        BODIES,
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(requests=REQUESTS)
def test_any_request_is_answered(
    requests: list[tuple[tuple[str, str], dict[str, Any]]],
) -> None:
    async def send() -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(Store(Path(folder, "memories.sqlite3"))) as store,
        ):
            transport = httpx.ASGITransport(build(store, "token"))
            head = {"X-API-Key": "token"}
            base = "http://localhost"
            async with httpx.AsyncClient(
                transport=transport, base_url=base, headers=head
            ) as client:
                for (method, path), body in requests:
                    answer = await client.request(method, path, content=json.dumps(body))
                    assert answer.status_code in {200, 400, 404, 422}, answer.text
                    document = answer.json()
                    if answer.status_code != 200:
                        assert document["detail"].endswith(".")

    asyncio.run(send())
