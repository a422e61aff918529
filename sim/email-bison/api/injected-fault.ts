import type { Random } from '../../monday/world/random.ts'
import type { Faults } from '../faults.ts'
import type { Workspace } from '../world/model.ts'

const HTML_502 =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>'

export const TOO_MANY = { message: 'Too Many Attempts.' }

interface Failure {
  readonly status: 200 | 403 | 429 | 500 | 502
  /** A string is HTML. */
  readonly body: unknown
}

/** Draws whether this request fails on purpose, and how. */
export function injectFault(
  faults: Faults,
  random: Random,
  workspace: Workspace,
): Failure | 'timeout' | undefined {
  if (faults.withheldWorkspaces.includes(workspace.id))
    return {
      status: faults.withheldStatus,
      body: { message: faults.withheldStatus === 403 ? 'This action is unauthorized.' : 'Server Error' },
    }
  if (random.chance(faults.http429)) return { status: 429, body: TOO_MANY }
  if (random.chance(faults.http500)) return { status: 500, body: { message: 'Server Error' } }
  if (random.chance(faults.html502)) return { status: 502, body: HTML_502 }
  if (random.chance(faults.falseSuccess))
    return { status: 200, body: { success: false, message: 'Something went wrong.' } }
  return random.chance(faults.timeout) ? 'timeout' : undefined
}
