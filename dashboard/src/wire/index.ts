// The public face of the hub's TypeScript client: see README.md beside this file.
export { connect, type ConnectOptions } from './connect';
export { LiveClient, type LinkStatus } from './live_client';
export type { LiveSubscription } from './live_subscription';
export { Refused, type LiveParts, type Socket } from './socket';
export type { SubscribeOptions } from './subscribe_options';
export type {
  ConflatedValues,
  GapInfo,
  Happening,
  HistoryBucket,
  HubEvent,
  Phase,
  PresenceChange,
  SeriesInfo,
  Source,
} from './happenings';
export type { Lag } from './lag';
export type { Location, Micros, PresenceWord, SeriesType, Value } from './objects';
