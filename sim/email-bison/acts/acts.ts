import { createAccountActs } from './account-acts.ts'
import { createCampaignActs } from './campaign-acts.ts'
import { createEmailActs } from './email-acts.ts'
import { createReplyActs } from './reply-acts.ts'
import type { Stage } from './stage.ts'
import { createWorkspaceActs } from './workspace-acts.ts'

/** Everything that can happen, each with its state, its event and the deliveries of it. Throws ActError, NotFoundError. */
export function createActs(stage: Stage) {
  return {
    ...createEmailActs(stage),
    ...createReplyActs(stage),
    ...createAccountActs(stage),
    ...createCampaignActs(stage),
    ...createWorkspaceActs(stage),
  }
}

export type Acts = ReturnType<typeof createActs>
