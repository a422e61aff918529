/**
 * What may go wrong at the vendor, and so how much must hold before a full pass. `live`: nothing is lost, so events
 * alone must do. `lagging`: reads answer what was a while ago, so a delta must follow. `storm`: anything.
 */
export const profiles = ['live', 'lagging', 'storm'] as const
export type Profile = (typeof profiles)[number]
