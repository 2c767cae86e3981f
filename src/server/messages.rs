//! What commands ask of the part of the server that sends clients what they did not ask for just now.

use crate::pubsub::{Counts, Kind};
use crate::tracking::Options;

/// Pub/sub, MONITOR, and the tracking of keys. For any thread at any time; answers at once.
pub trait Messages {
    /// Subscribes a client. How many subscriptions it has then.
    fn subscribe(&self, client: u64, kind: Kind, name: &[u8]) -> Counts;

    /// Ends a subscription, if there is one. How many subscriptions the client has then.
    fn unsubscribe(&self, client: u64, kind: Kind, name: &[u8]) -> Counts;

    /// What a client is subscribed to.
    fn subscriptions(&self, client: u64, kind: Kind) -> Vec<Vec<u8>>;

    /// Sends a message of client `cause` (0: of none) to all who are subscribed to a channel or a shard channel, or
    /// to a pattern that matches a channel. How many messages were sent.
    fn publish(&self, kind: Kind, name: &[u8], message: &[u8], cause: u64) -> u64;

    /// How many messages [`Messages::publish`] would send.
    fn receivers(&self, kind: Kind, name: &[u8]) -> u64;

    /// The names that have subscribers, or those of them that match a pattern.
    fn channels(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Vec<u8>>;

    /// How many clients are subscribed to exactly this name.
    fn subscribers(&self, kind: Kind, name: &[u8]) -> u64;

    /// How many patterns have subscribers.
    fn patterns(&self) -> u64;

    /// Sends a client all commands from now on.
    fn monitor(&self, client: u64);

    /// A client tracks keys from now on; `None`: no more.
    fn track(&self, client: u64, options: Option<&Options>);

    /// Whether invalidations of a client go to one that is gone.
    fn is_redirection_broken(&self, client: u64) -> bool;

    /// Ends all of this for a client.
    fn forget(&self, client: u64);
}
