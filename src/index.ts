export { datacube } from './apps/datacube/index.ts'
export { mondayBoards } from './apps/monday-boards/app.ts'
export { defineConfig } from './config/config.ts'
export { defineTable } from './mirror/table-spec.ts'
