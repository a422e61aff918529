import type { AppApi, ApiContext } from '../../contract.ts'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { addAlerts } from './alerts.ts'
import { addCampaigns } from './campaigns.ts'
import type { Portal } from './context.ts'
import { Figures } from './figures.ts'
import { addHealth } from './health.ts'
import { addKpis } from './kpis.ts'
import { addLeadActions } from './lead-actions.ts'
import { addLeads } from './leads.ts'
import { addMailboxes } from './mailboxes.ts'
import { addMetrics } from './metrics.ts'
import { addProviders } from './providers.ts'
import { addReplies } from './replies.ts'
import { addRevenue } from './revenue.ts'
import { addVolume } from './volume.ts'
import { addWorkspaces } from './workspaces.ts'

const PARTS = [
  addWorkspaces, addKpis, addVolume, addRevenue, addMailboxes, addProviders, addCampaigns, addLeads, addLeadActions,
  addReplies, addMetrics, addAlerts, addHealth,
] as const // prettier-ignore

/** The portal's routes; docs/portal-api.md describes them. */
export function portalApi(routes: OpenAPIHono, { db, log }: ApiContext): AppApi {
  const figures = new Figures(db, log)
  const portal: Portal = { routes, db, figures, log }
  for (const add of PARTS) add(portal)
  return { stop: () => figures.stop() }
}
