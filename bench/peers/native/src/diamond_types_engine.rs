//! It has no transactions. Positions count code points where they are not UTF-16.
use crate::engine::{Engine, Patch};
use diamond_types::list::encoding::{EncodeOptions, ENCODE_FULL, ENCODE_PATCH};
use diamond_types::list::{Branch, OpLog};
use diamond_types::AgentId;

pub struct DiamondTypes {
    log: OpLog,
    branch: Branch,
    agent: AgentId,
    listening: bool,
    updates: Vec<Vec<u8>>,
}

fn options(patch: bool) -> EncodeOptions<'static> {
    if patch { ENCODE_PATCH } else { ENCODE_FULL }
}

impl DiamondTypes {
    fn of(mut log: OpLog, agent: &str) -> Self {
        let agent = log.get_or_create_agent_id(agent);
        let branch = log.checkout_tip();
        DiamondTypes { log, branch, agent, listening: false, updates: Vec::new() }
    }
}

impl Engine for DiamondTypes {
    const VERSION: &'static str = "1.0.0";
    const FORMATS: &'static [&'static str] = &["binary"];

    fn create(client: u64) -> Self {
        Self::of(OpLog::new(), &format!("agent {client}"))
    }

    fn listen(&mut self) {
        self.listening = true;
    }

    fn take_updates(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.updates)
    }

    fn edit(&mut self, patches: &[Patch]) {
        let before = self.listening.then(|| self.log.local_version());
        for patch in patches {
            if patch.deleted > 0 {
                let range = patch.position..patch.position + patch.deleted;
                self.branch.delete_without_content(&mut self.log, self.agent, range);
            }
            if !patch.inserted.is_empty() {
                self.branch.insert(&mut self.log, self.agent, patch.position, &patch.inserted);
            }
        }
        if let Some(before) = before {
            self.updates.push(self.log.encode_from(options(true), &before));
        }
    }

    fn apply(&mut self, update: &[u8]) {
        self.log.decode_and_add(update).unwrap();
        let tip = self.log.local_version();
        self.branch.merge(&self.log, &tip);
    }

    fn encode(&mut self, _format: &str) -> Vec<u8> {
        self.log.encode(options(false))
    }

    fn load(state: &[u8], _format: &str) -> Self {
        Self::of(OpLog::load_from(state).unwrap(), "reader")
    }

    fn text(&self) -> String {
        self.branch.content().to_string()
    }
}
