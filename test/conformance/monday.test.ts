import { monday } from './subjects/monday.ts'
import { conformance } from './suite.ts'

conformance(monday)
