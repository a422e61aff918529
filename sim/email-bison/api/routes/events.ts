import type { Delivery } from '../../webhooks/delivery.ts'
import { DAY_MS, timestamp } from '../../world/days.ts'
import { uuidOf } from '../../world/hash.ts'
import { find } from '../../world/lookup.ts'
import type { BisonEvent } from '../../world/model.ts'
import { payloadOf } from '../../payload/payload.ts'
import { type Answer, type Call, ok, type Routes } from '../call.ts'
import { notFound } from '../errors.ts'
import { eventListing } from '../listings.ts'
import { paginate } from '../pagination.ts'
import { idOf, momentsOf, windowOf } from '../query.ts'

function deliveryPart(delivery: Delivery) {
  const last = delivery.attempts.at(-1)
  return {
    id: delivery.id,
    event_id: delivery.eventId,
    webhook_url: delivery.url,
    attempt_count: delivery.attempts.length,
    status: delivery.status,
    last_attempt_at: last === undefined ? null : timestamp(last.at),
    webhook_attempts: delivery.attempts.map(({ id, at, ok: success, status }) => ({
      id,
      status: success ? 'success' : 'failed',
      response_code: status,
      created_at: timestamp(at),
      updated_at: timestamp(at),
    })),
    created_at: timestamp(delivery.createdAt),
  }
}

function eventRow({ world, dispatcher, faults }: Call, event: BisonEvent) {
  return {
    id: event.id,
    uuid: uuidOf(world.seed, 5, event.id),
    payload: faults.eventsWithoutBody ? null : payloadOf(world, event),
    webhook_deliveries: dispatcher.deliveries.ofEvent(event.id).map(deliveryPart),
    created_at: timestamp(event.at),
    updated_at: timestamp(event.at),
  }
}

/** Newest first. Both dates or none; what is older than the vendor keeps is gone whatever is asked. */
function list(call: Call): Answer {
  const { world, workspace, query } = call
  const type = query.get('type')?.toUpperCase()
  const dated = query.has('start_date') || query.has('end_date')
  const { start, end } = dated
    ? momentsOf(call, windowOf(query))
    : { start: 0, end: Number.POSITIVE_INFINITY }
  const since = Math.max(start, world.clock.now() - world.settings.eventDays * DAY_MS)
  const recorded = world.clock.now() - call.faults.replicaLagMs
  const wanted = (event: BisonEvent): boolean =>
    event.at >= since && event.at <= recorded && event.at < end && (type === undefined || event.type === type)
  const show = (event: BisonEvent) => eventRow(call, event)
  return paginate(call, eventListing(world, workspace, since, wanted), {
    show,
    perPage: true,
    cursorOnly: true,
  })
}

/** Any attempt, a successful one too; makes a delivery of its own, with tries of its own. */
function retry(call: Call): Answer {
  const { world, workspace, dispatcher } = call
  const old = dispatcher.deliveries.ofAttempt(idOf(call))
  const event = old === undefined ? undefined : find(world.events, old.eventId)
  if (old === undefined || event === undefined || event.workspace !== workspace) throw notFound()
  const delivery = dispatcher.retry(old, event)
  return ok({ success: true, message: 'Webhook retry has been queued.', webhook_delivery_id: delivery.id })
}

export const eventRoutes: Routes = {
  'GET /api/events': list,
  'POST /api/webhook-attempts/:id/retry': retry,
}
