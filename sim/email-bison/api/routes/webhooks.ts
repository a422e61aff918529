import { EVENT_TYPES, eventName, isEventId } from '../../world/event-types.ts'
import { find, remove, takeIds } from '../../world/lookup.ts'
import type { WebhookUrl } from '../../world/model.ts'
import { samplePayload } from '../../payload/sample.ts'
import { type Answer, type Call, ok, outcome, type Routes } from '../call.ts'
import { invalid, notFound } from '../errors.ts'
import { listing } from '../listings.ts'
import { paginate } from '../pagination.ts'
import { idOf } from '../query.ts'
import { webhookRow } from '../rows.ts'

function webhookIn(call: Call): WebhookUrl {
  call.dispatcher.dropDisabled()
  const webhook = find(call.workspace.webhooks, idOf(call))
  if (webhook === undefined) throw notFound()
  return webhook
}

/** Exactly `{name, url, events}`; there is no field for a secret. */
function readWebhook({ body }: Call): Pick<WebhookUrl, 'name' | 'url' | 'events'> {
  const { name, url, events } = body
  const errors: Record<string, string> = {}
  if (typeof name !== 'string' || name === '') errors['name'] = 'The name field is required.'
  if (typeof url !== 'string' || !URL.canParse(url)) errors['url'] = 'The url field must be a valid URL.'
  const list: unknown[] = Array.isArray(events) ? events : []
  if (list.length === 0) errors['events'] = 'The events field is required.'
  list.forEach((id, i) => {
    if (!isEventId(id)) errors[`events.${i}`] = `The selected events.${i} is invalid.`
  })
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return { name: String(name), url: String(url), events: list.map(String) }
}

function create(call: Call): Answer {
  const now = call.world.clock.now()
  const webhook = { id: takeIds(call.world, 'webhook'), ...readWebhook(call), createdAt: now, updatedAt: now }
  call.workspace.webhooks.push(webhook)
  call.world.version++
  return { status: 201, body: { data: webhookRow(webhook) } }
}

function eventIn(call: Call): (typeof EVENT_TYPES)[number]['id'] {
  const id = call.query.get('event_type') ?? call.body['event_type']
  if (!isEventId(id)) throw invalid({ event_type: 'The selected event type is invalid.' })
  return id
}

export const webhookRoutes: Routes = {
  'GET /api/webhook-url': (call) => {
    call.dispatcher.dropDisabled()
    return paginate(call, listing(call.workspace.webhooks), { show: webhookRow })
  },
  'POST /api/webhook-url': create,
  'GET /api/webhook-url/:id': (call) => ok(webhookRow(webhookIn(call))),
  'PUT /api/webhook-url/:id': (call) => {
    const webhook = Object.assign(webhookIn(call), readWebhook(call), { updatedAt: call.world.clock.now() })
    call.world.version++
    return ok(webhookRow(webhook))
  },
  'DELETE /api/webhook-url/:id': (call) => {
    remove(call.workspace.webhooks, webhookIn(call).id)
    call.world.version++
    return outcome(true, 'Webhook deleted successfully.')
  },
  'GET /api/webhook-events/event-types': () =>
    ok(EVENT_TYPES.map(({ id }) => ({ name: eventName(id.toUpperCase()), id }))),
  'GET /api/webhook-events/sample-payload': (call) =>
    ok(samplePayload(call.world, call.workspace, eventIn(call))),
  /** Leaves no trace among the events. */
  'POST /api/webhook-events/test-event': async (call) => {
    const { url } = call.body
    const payload = samplePayload(call.world, call.workspace, eventIn(call))
    if (typeof url !== 'string' || !URL.canParse(url))
      throw invalid({ url: 'The url field must be a valid URL.' })
    const status = await call.dispatcher.send(url, payload)
    return outcome(status === 200, status === 200 ? 'Test event sent.' : 'The test event was not accepted.')
  },
}
