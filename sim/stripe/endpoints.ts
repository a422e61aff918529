import { Hono } from 'hono'
import type { Random } from '../monday/world/random.ts'
import { invalid, listOf, missing } from './answers.ts'

/** A webhook endpoint of the account. */
export interface Endpoint {
  readonly id: string
  readonly url: string
  readonly secret: string
  enabled_events: string[]
  description: string | null
  status: 'enabled' | 'disabled'
}

/** An endpoint as the API shows it; its secret with the answer to its creation alone. */
const shown = ({ id, url, enabled_events, description, status }: Endpoint): Record<string, unknown> => ({
  id,
  url,
  enabled_events,
  description,
  status,
  object: 'webhook_endpoint',
  api_version: null,
  livemode: false,
  metadata: {},
})

/** `/v1/webhook_endpoints` */
export function endpointRoutes(endpoints: Map<string, Endpoint>, random: Random): Hono {
  const app = new Hono()
  app.get('/', (c) => {
    const newestFirst = [...endpoints.values()].toReversed()
    return listOf(c, newestFirst, shown)
  })
  app.post('/', async (c) => {
    const form = await c.req.parseBody({ all: true })
    const { url } = form
    const events = eventsOf(form)
    if (typeof url !== 'string' || !URL.canParse(url))
      return invalid(c, 'Invalid URL: an explicit scheme', 'url')
    if (events.length === 0) return invalid(c, 'Missing required param: enabled_events.', 'enabled_events')
    const endpoint: Endpoint = {
      id: `we_${random.hex(24)}`,
      url,
      secret: `whsec_${random.hex(32)}`,
      enabled_events: events,
      description: typeof form['description'] === 'string' ? form['description'] : null,
      status: 'enabled',
    }
    endpoints.set(endpoint.id, endpoint)
    return c.json({ ...shown(endpoint), secret: endpoint.secret })
  })
  app.post('/:id', async (c) => {
    const endpoint = endpoints.get(c.req.param('id'))
    if (endpoint === undefined) return missing(c, 'webhook endpoint', c.req.param('id'))
    const form = await c.req.parseBody({ all: true })
    const events = eventsOf(form)
    if (events.length > 0) endpoint.enabled_events = events
    if (form['disabled'] !== undefined) endpoint.status = form['disabled'] === 'true' ? 'disabled' : 'enabled'
    return c.json(shown(endpoint))
  })
  app.delete('/:id', (c) => {
    const id = c.req.param('id')
    if (!endpoints.delete(id)) return missing(c, 'webhook endpoint', id)
    return c.json({ id, object: 'webhook_endpoint', deleted: true })
  })
  return app
}

const eventsOf = (form: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(form).flatMap(([name, value]) =>
    name.startsWith('enabled_events[') && typeof value === 'string' ? [value] : [],
  )
