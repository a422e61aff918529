import { takeIds } from '../world/lookup.ts'
import type { Reply, Workspace } from '../world/model.ts'
import type { Stage } from './stage.ts'

type Draft = Pick<Reply, 'type' | 'folder' | 'sender'> & Partial<Reply>

/** Puts a row into the inbox; `createdAt` trails `at` by the vendor's lag. */
export function createReply(stage: Stage, workspace: Workspace, draft: Draft): Reply {
  const now = stage.now()
  const reply: Reply = {
    id: takeIds(stage.world, 'reply'),
    at: now - stage.world.settings.replyLagMs,
    createdAt: now,
    updatedAt: now,
    subject: 'Hello',
    text: null,
    interested: false,
    interestedAt: null,
    interestedBefore: null,
    automated: false,
    counted: false,
    read: false,
    lead: null,
    campaign: null,
    emailId: null,
    otherAddress: null,
    ...draft,
  }
  workspace.replies.push(reply)
  return reply
}
