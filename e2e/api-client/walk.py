"""Lists, plans and applies with the client that was generated from docs/openapi.json, and with nothing else.

usage: walk.py <base URL> <API key>
"""

import sys

from rmmbridge_client import AuthenticatedClient
from rmmbridge_client.api.assets import list_assets
from rmmbridge_client.api.bridges import list_bridges, show_bridge
from rmmbridge_client.api.connections import list_connections
from rmmbridge_client.api.jobs import show_job
from rmmbridge_client.api.matches import decide_organizations, list_organizations
from rmmbridge_client.api.plans import apply_plan, list_operations, make_plan, show_plan
from rmmbridge_client.api.runs import show_run
from rmmbridge_client.models import Decision, Decisions, DecisionVerdict, HowToApply, JobState, MatchStatus, NewPlan


def follow(client, job):
    """The job once it is over."""
    while job.state in (JobState.QUEUED, JobState.RUNNING):
        job = show_job.sync(job.id, client=client, wait=30)
    assert job.state == JobState.DONE, job
    return job


def main():
    base, key = sys.argv[1:]
    client = AuthenticatedClient(base_url=base + "/api/v1", token=key, raise_on_unexpected_status=True)

    connections = {connection.name for connection in list_connections.sync(client=client)}
    [bridge] = list_bridges.sync(client=client)
    print("connections:", ", ".join(sorted(connections)), "; bridge:", bridge.name)

    follow(client, make_plan.sync(bridge.id, client=client, body=NewPlan(read=True), idempotency_key="walk-read"))
    open_questions = list_organizations.sync(bridge.id, client=client, status=MatchStatus.UNDECIDED, per_page=200)
    decisions = [
        Decision(organization=organization.id, verdict=DecisionVerdict.CREATE)
        for organization in open_questions.items
    ]
    decide_organizations.sync_detailed(bridge.id, client=client, body=Decisions(decisions=decisions))
    print("decided:", len(decisions))

    job = follow(client, make_plan.sync(bridge.id, client=client, body=NewPlan(), idempotency_key="walk-plan"))
    again = make_plan.sync(bridge.id, client=client, body=NewPlan(), idempotency_key="walk-plan")
    assert again.id == job.id, "the same Idempotency-Key is the same job"
    plan = show_plan.sync(job.plan, client=client)
    count, after = 0, 0
    while after is not None:
        page = list_operations.sync(plan.id, client=client, after=after, limit=100)
        count += sum(operation.writes for operation in page.items)
        after = page.next_
    assert count == plan.writes > 0, (count, plan)
    print("planned:", plan.writes)

    job = follow(client, apply_plan.sync(plan.id, client=client, body=HowToApply(confirm=True)))
    run = show_run.sync(job.run, client=client)
    assert (run.done, run.failed) == (plan.writes, 0), run
    print("applied:", run.done)

    job = follow(client, make_plan.sync(bridge.id, client=client, body=NewPlan(read=True)))
    assert show_plan.sync(job.plan, client=client).writes == 0, "nothing is left to write"
    assets = list_assets.sync(client=client, per_page=1)
    assert assets.total == plan.counts.create_assets, assets
    assert show_bridge.sync(bridge.id, client=client).name == bridge.name
    print("assets:", assets.total)


main()
