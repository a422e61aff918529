import { expect, it } from 'vitest'
import { checkEventLog } from '../../src/inbox/event-log.ts'
import { TestClock } from '../conformance/clock.ts'
import { withMail } from './mail-app.ts'

it.each([
  ['ahead of', 25 * 60_000],
  ['behind', -25 * 60_000],
])('our clock may be %s the vendor’s: no event is passed over', async (_how, offsetMs) => {
  const clock = new TestClock()
  await withMail(
    async ({ db, pipeline, sim, sync, settle }) => {
      await sync()
      const [workspace] = sim.world.workspaces
      const id = workspace?.id ?? 0
      const check = async (): Promise<number> => {
        const options = {
          signal: AbortSignal.timeout(20_000),
          nowMs: clock.now() + offsetMs,
          graceMs: 90_000,
        }
        return (await checkEventLog(db, pipeline, `send/${id}`, options))?.filled ?? 0
      }
      let filled = 0
      for (let i = 0; i < 8; i++) {
        sim.act.reply(id, { untracked: true })
        clock.advance(4 * 60_000)
        filled += await check()
      }
      clock.advance(3_600_000)
      filled += await check()
      const theirs = [...sim.truth.events({ workspaceId: id })]
      expect(filled).toBe(theirs.length)
      expect(theirs).toHaveLength(8)
      await settle()
      const { rows } = await db.query('select key from facts')
      expect(rows).toHaveLength(8)
    },
    { sim: { clock }, source: { clock } },
  )
})
