import type { App } from '../contract.ts'
import { mondayAppSource, type MondayAppOptions } from '../monday-boards/app.ts'
import { datacube as compose, type DatacubeOptions } from './app.ts'

/** The DataCube app's options: its own, and those of its monday source. */
export type DatacubeAppOptions = DatacubeOptions & Omit<MondayAppOptions, 'boards' | 'migrations' | 'name'>

/** The DataCube app on monday.com. */
export function datacube(options: DatacubeAppOptions = {}): App {
  const { boards, wonStages, ...monday } = options
  const own = {
    ...(boards === undefined ? {} : { boards }),
    ...(wonStages === undefined ? {} : { wonStages }),
  }
  return compose(own, (mappings) => mondayAppSource(monday, mappings))
}
