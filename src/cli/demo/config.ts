import { datacube } from '../../apps/datacube/index.ts'
import { portal } from '../../apps/portal/index.ts'
import { type Config, defineConfig } from '../../config/config.ts'
import type { Settings } from '../../config/environment.ts'

/** What a demo that runs, or ran, tells other commands. */
export interface DemoSession {
  readonly monday: { readonly endpoint: string; readonly token: string }
  readonly bison: { readonly url: string; readonly token: string }
  readonly pathSecret: string
  /** Where the demo is: what its vendors call. */
  readonly url: string
}

/** The settings of a demo that runs, for whoever else works with it. */
export const demoSettings = (settings: Settings, { pathSecret, url }: DemoSession): Settings => ({
  ...settings,
  encryptionKey: settings.encryptionKey ?? pathSecret,
  publicUrl: settings.publicUrl ?? url,
})

/** More than the simulator's small estate needs: its limits are its own. */
const CALLS_PER_MINUTE = 20_000

/** The demo's configuration: the DataCube and portal apps against the bundled simulators. */
export function demoConfig({ monday, bison, pathSecret }: DemoSession): Config {
  return defineConfig({
    apps: [
      // The simulator keeps the limits of monday's largest plan.
      datacube({ ...monday, pathSecret, plan: 'enterprise' }),
      portal({
        instances: [{ name: 'send', ...bison }],
        webhookSecret: pathSecret,
        callsPerMinute: CALLS_PER_MINUTE,
      }),
    ],
  })
}
