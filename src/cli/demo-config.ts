import { type Config, defineConfig } from '../config/config.ts'
import { datacube } from '../apps/datacube/index.ts'

/** What a demo that runs, or ran, tells other commands. */
export interface DemoSession {
  readonly endpoint: string
  readonly token: string
  readonly pathSecret: string
}

/** The demo's configuration: the DataCube app against the bundled simulator. */
export function demoConfig({ endpoint, token, pathSecret }: DemoSession): Config {
  // The simulator keeps the limits of monday's largest plan.
  return defineConfig({ apps: [datacube({ endpoint, token, pathSecret, plan: 'enterprise' })] })
}
