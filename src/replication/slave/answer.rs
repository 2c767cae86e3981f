//! What a master answers to PSYNC, and what follows from it.

use super::transfer::Transfer;
use super::{Action, Phase, Position, Slave};
use crate::replication::ReplicationId;

impl Slave {
    pub(super) fn begin(
        &mut self,
        line: &[u8],
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) -> Result<(), String> {
        let text = String::from_utf8_lossy(line).into_owned();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let id = words.get(1).and_then(|id| ReplicationId::parse(id.as_bytes()));
        match words[..] {
            ["+FULLRESYNC", _, offset] => {
                let offset = offset.parse::<u64>().ok();
                let (Some(id), Some(offset)) = (id, offset) else {
                    return Err(format!("the master's answer to PSYNC makes no sense: {text}"));
                };
                self.handed_over(Ok(()), actions);
                actions.push(Action::Tell(format!(
                    "the master sends its whole data set, as of {offset} of {id}"
                )));
                self.phase = Phase::Transfer(Transfer::default(), Position { id, offset });
                Ok(())
            }
            ["+CHECKPOINT", _, offset, name, ref common @ ..] => {
                let common = common.first().and_then(|common| common.parse().ok());
                let (Some(id), Ok(offset)) = (id, offset.parse::<u64>()) else {
                    return Err(format!("the master's answer to PSYNC makes no sense: {text}"));
                };
                actions.push(Action::Tell(format!(
                    "the master offers its data set as the files of checkpoint {name}, as of {offset} of {id}"
                )));
                self.phase = Phase::Fetch;
                let name = name.to_string();
                actions.push(Action::Fetch { of: Position { id, offset }, name, common });
                Ok(())
            }
            ["+DIVERGED", _, common] => {
                let (Some(id), Ok(offset), Some(position)) = (id, common.parse::<u64>(), self.position)
                else {
                    return Err(format!("the master's answer to PSYNC makes no sense: {text}"));
                };
                if !self.settings.refetch || offset > position.offset {
                    return Err(format!("the master's answer to PSYNC is none to what was asked: {text}"));
                }
                self.handed_over(Ok(()), actions);
                actions.push(Action::Tell(format!(
                    "the master's history {id} and this server's are the same only up to {offset}: what differs is \
                     fetched again"
                )));
                self.phase = Phase::Fetch;
                actions.push(Action::Refetch(Position { id, offset }));
                Ok(())
            }
            ["+CONTINUE"] | ["+CONTINUE", _] => {
                let Some(position) = self.position else {
                    return Err("the master goes on with a history that nobody asked for".into());
                };
                self.applied = position.offset;
                self.handed_over(Ok(()), actions);
                self.up(now_ms);
                actions.push(Action::Tell(format!("the master goes on at {}", position.offset)));
                actions.push(Action::Continue(id));
                actions.extend(self.acknowledge(now_ms));
                Ok(())
            }
            _ if self.settings.hands_over && text.starts_with('-') => {
                // What follows is no business of this link's: the server is a master again.
                self.handed_over(Err(text), actions);
                Ok(())
            }
            _ if text.starts_with("-NOMASTERLINK") || text.starts_with("-LOADING") => {
                Err(format!("the master cannot serve slaves now: {text}"))
            }
            _ => Err(format!("the master refuses PSYNC: {text}")),
        }
    }

    /// Tells how it went, once, if this server hands its role over.
    pub(super) fn handed_over(&mut self, result: Result<(), String>, actions: &mut Vec<Action>) {
        if std::mem::take(&mut self.settings.hands_over) {
            actions.push(Action::HandedOver(result));
        }
    }
}
