import { VendorRefusedError } from '../../engine/errors.ts'
import { NotFoundError } from './client.ts'
import { object, text } from './rows.ts'
import { scopeOf, type Workspaces } from './workspaces.ts'

/** When a campaign may send. */
export interface CampaignSchedule {
  /** As the vendor spells it; null where it names none. */
  readonly timeZone: string | null
}

export interface ScheduleReader {
  readonly scopes: () => readonly { readonly scope: string; readonly name: string }[]
  /** Undefined where nobody has set when the campaign may send. */
  read(scope: string, campaignId: number, signal: AbortSignal): Promise<CampaignSchedule | undefined>
}

export function bisonSchedules(workspaces: Workspaces): ScheduleReader {
  return {
    scopes: () => workspaces.all.map((workspace) => ({ scope: scopeOf(workspace), name: workspace.name })),
    async read(scope, campaignId, signal) {
      const workspace = workspaces.find(scope)
      if (workspace === undefined) throw new VendorRefusedError(`Email Bison: no workspace ${scope} is known`)
      try {
        const { body } = await workspaces.client(workspace.instance).call({
          path: `campaigns/${campaignId}/schedule`,
          ...workspaces.credentials(workspace),
          signal,
        })
        return { timeZone: text(object(body['data'])['timezone']) }
      } catch (error) {
        if (isNoSchedule(error)) return undefined
        throw error
      }
    },
  }
}

/** A campaign without one, or one that was deleted since it was listed. */
const isNoSchedule = (error: unknown): boolean =>
  error instanceof NotFoundError ||
  (error instanceof VendorRefusedError && /no schedule/i.test(error.message))
