import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Database } from '../../../db/database.ts'
import type { Log } from '../../../jobs/log.ts'
import type { Figures } from './figures.ts'

/** What each file of routes is given. */
export interface Portal {
  readonly routes: OpenAPIHono
  readonly db: Database
  readonly figures: Figures
  readonly log: Log
}
