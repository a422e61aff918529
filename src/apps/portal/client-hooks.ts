/** Workspace, by its name or its scope such as `send/37`, → the URL of its client's own Slack webhook. */
export type ClientSlack = Readonly<Record<string, string | undefined>>

const PREFIX = 'leads:'

/** Under which purpose a new lead of a workspace goes out: its client's own where it has one, else the team's. */
export type LeadPurpose = (scope: string, workspace: string | undefined) => string

export function leadPurpose(hooks: ClientSlack): LeadPurpose {
  const keys = new Set(clientKeys(hooks))
  return (scope, workspace) => {
    if (keys.has(scope)) return `${PREFIX}${scope}`
    return workspace !== undefined && keys.has(workspace) ? `${PREFIX}${workspace}` : 'leads'
  }
}

/** The workspaces that have a hook: an empty one is none. */
export const clientKeys = (hooks: ClientSlack): string[] =>
  Object.entries(hooks).flatMap(([key, url]) => (url === undefined || url.trim() === '' ? [] : [key.trim()]))

/** Purpose → URL, as the messages' delivery wants it. */
export const clientUrls = (hooks: ClientSlack): ClientSlack =>
  Object.fromEntries(Object.entries(hooks).map(([key, url]) => [`${PREFIX}${key.trim()}`, url]))
