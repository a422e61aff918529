import { checkApp } from './doctor-app.ts'
import { checkDatabase, checkEnvironment, checkNode, type Ground } from './doctor-ground.ts'
import { type Finding, Findings } from './findings.ts'
import { print, printJson } from './output.ts'

/** `lockstep doctor`: looks at everything that can be wrong and says what to do; exit 1 where anything is. */
export async function doctor({ json }: { json?: boolean }): Promise<void> {
  const findings = new Findings()
  checkNode(findings)
  const environment = await checkEnvironment(findings)
  const ground = environment === undefined ? undefined : await checkDatabase(findings, environment)
  try {
    if (ground !== undefined) await checkApps(findings, ground)
  } finally {
    await ground?.database.close()
  }
  report(findings.all, json === true)
}

async function checkApps(findings: Findings, ground: Ground): Promise<void> {
  for (const app of ground.config.apps) {
    await findings.attempt(app.name, () => checkApp(findings, ground, app))
  }
}

const MARKS = { ok: '✓', warning: '!', error: '✗' } as const

function report(all: readonly Finding[], json: boolean): void {
  const errors = all.filter(({ level }) => level === 'error').length
  const warnings = all.filter(({ level }) => level === 'warning').length
  if (errors > 0) process.exitCode = 1
  if (json) return printJson({ ok: errors === 0, errors, warnings, checks: all })
  const width = Math.max(...all.map(({ name }) => name.length))
  for (const { name, level, detail, remedy } of all) {
    print(`${MARKS[level]} ${name.padEnd(width)}  ${detail}`)
    if (remedy !== undefined && level !== 'ok') print(`  ${' '.repeat(width)}  → ${remedy}`)
  }
  print(`\n${errors} errors, ${warnings} warnings.`)
}
