/** V8's limits for a node's memory, as options of Node. */
export const HEAP: readonly string[]
