//! weft-peers-native ENGINE FOLDER WORK: what ../peer.mjs does, with the engines as native programs.

mod automerge_engine;
mod diamond_types_engine;
mod engine;
mod loro_engine;
mod yrs_engine;

use engine::{Engine, Patch};
use serde_json::Value;
use std::collections::HashSet;
use std::time::Instant;

const BUDGET_MS: f64 = 1000.0;
const MOST_RUNS: usize = 20;

struct Inputs {
    folder: String,
    work: String,
}

struct Trace {
    edits: Vec<Patch>, // what it starts with included
    end: String,
}

fn patch(value: &Value) -> Patch {
    Patch {
        position: value[0].as_u64().unwrap() as usize,
        deleted: value[1].as_u64().unwrap() as usize,
        inserted: value[2].as_str().unwrap().to_string(),
    }
}

fn patches(value: &Value) -> Vec<Patch> {
    value.as_array().unwrap().iter().map(patch).collect()
}

impl Inputs {
    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/{name}", self.folder)).unwrap()
    }

    fn read_text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    fn read_json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    fn read_updates(&self, name: &str) -> Vec<Vec<u8>> {
        let bytes = self.read(name);
        let mut updates = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let size = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
            updates.push(bytes[at + 4..at + 4 + size].to_vec());
            at += 4 + size;
        }
        updates
    }

    fn trace(&self) -> Trace {
        let json = self.read_json("trace.json");
        let mut edits = patches(&json["edits"]);
        let start = json["start"].as_str().unwrap();
        if !start.is_empty() {
            edits.insert(0, Patch { position: 0, deleted: 0, inserted: start.to_string() });
        }
        Trace { edits, end: json["end"].as_str().unwrap().to_string() }
    }
}

/// Repeats `run`, which answers its milliseconds and bytes, and prints a line of JSON.
fn measure(work: &str, mut run: impl FnMut() -> (f64, usize)) {
    let mut times: Vec<f64> = Vec::new();
    let mut bytes = 0;
    while times.len() < MOST_RUNS && (times.is_empty() || times.iter().sum::<f64>() < BUDGET_MS) {
        let (ms, size) = run();
        times.push(ms);
        bytes = size;
    }
    println!("{{\"work\":\"{work}\",\"ms\":{times:?},\"bytes\":{bytes}}}");
}

fn skip(work: &str, why: &str) {
    println!("{{\"work\":\"{work}\",\"skip\":\"{why}\"}}");
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let begin = Instant::now();
    let result = work();
    (begin.elapsed().as_secs_f64() * 1e3, result)
}

fn type_each<E: Engine>(replica: &mut E, edits: &[Patch]) {
    for edit in edits {
        replica.edit(std::slice::from_ref(edit));
    }
}

fn record<E: Engine>(inputs: &Inputs, trace: &Trace) -> Vec<Vec<u8>> {
    if E::IS_YJS {
        return inputs.read_updates("trace.updates");
    }
    let mut replica = E::create(1);
    replica.listen();
    type_each(&mut replica, &trace.edits);
    replica.take_updates()
}

fn record_state<E: Engine>(inputs: &Inputs, trace: &Trace, format: &str) -> Vec<u8> {
    if E::IS_YJS {
        return inputs.read(&format!("trace.{format}"));
    }
    let mut replica = E::create(1);
    replica.edit(&trace.edits);
    replica.encode(format)
}

struct Writer<E> {
    replica: E,
    seen: HashSet<usize>,
}

fn unseen(parents: &Value, transactions: &[Value], seen: &mut HashSet<usize>) -> Vec<usize> {
    let indices = |value: &Value| -> Vec<usize> {
        value.as_array().unwrap().iter().map(|index| index.as_u64().unwrap() as usize).collect()
    };
    let mut found = Vec::new();
    let mut open = indices(parents);
    while let Some(index) = open.pop() {
        if seen.insert(index) {
            found.push(index);
            open.extend(indices(&transactions[index]["parents"]));
        }
    }
    found.sort();
    found
}

fn record_concurrent<E: Engine>(inputs: &Inputs, name: &str) -> (Vec<Vec<u8>>, String) {
    if E::IS_YJS {
        let text = inputs.read_text(&format!("{name}.concurrent.text"));
        return (inputs.read_updates(&format!("{name}.concurrent.updates")), text);
    }
    let json = inputs.read_json(&format!("{name}.concurrent.json"));
    let transactions = json["txns"].as_array().unwrap();
    let mut writers: Vec<Writer<E>> = (0..json["agents"].as_u64().unwrap())
        .map(|agent| {
            let mut replica = E::create(agent + 1);
            replica.listen();
            Writer { replica, seen: HashSet::new() }
        })
        .collect();
    let mut updates: Vec<Vec<u8>> = Vec::new();
    for (index, transaction) in transactions.iter().enumerate() {
        let writer = &mut writers[transaction["agent"].as_u64().unwrap() as usize];
        for at in unseen(&transaction["parents"], transactions, &mut writer.seen) {
            writer.replica.apply(&updates[at]);
        }
        writer.replica.take_updates();
        writer.replica.edit(&patches(&transaction["patches"]));
        updates.extend(writer.replica.take_updates());
        assert_eq!(updates.len(), index + 1, "a transaction has one update");
        writer.seen.insert(index);
    }
    let mut reader = E::create(1_000);
    for update in &updates {
        reader.apply(update);
    }
    let text = reader.text();
    (updates, text)
}

fn apply_each<E: Engine>(work: &str, updates: &[Vec<u8>], text: &str) {
    measure(work, || {
        let mut replica = E::create(1_001);
        let (ms, ()) = timed(|| updates.iter().for_each(|update| replica.apply(update)));
        assert!(replica.text() == text, "the text is wrong");
        (ms, 0)
    });
}

fn load<E: Engine>(work: &str, state: &[u8], format: &str, text: &str) {
    measure(work, || {
        let (ms, (_replica, read)) = timed(|| {
            let replica = E::load(state, format);
            let read = replica.text();
            (replica, read)
        });
        assert!(read == text, "the text is wrong");
        (ms, state.len())
    });
}

fn heap_bytes() -> usize {
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}

fn memory<E: Engine>(work: &str, state: &[u8], format: &str, text: &str) {
    let before = heap_bytes();
    let replica = E::load(state, format);
    assert!(replica.text() == text, "the text is wrong");
    let held = heap_bytes() - before;
    println!("{{\"work\":\"{work}\",\"ms\":[],\"bytes\":{},\"memory\":{held}}}", state.len());
}

fn encode<E: Engine>(inputs: &Inputs, trace: &Trace) {
    for format in E::FORMATS {
        let mut replica = E::load(&record_state::<E>(inputs, trace, format), format);
        measure(&format!("encode_{format}"), || {
            let (ms, state) = timed(|| replica.encode(format));
            assert!(E::load(&state, format).text() == trace.end, "the state is wrong");
            (ms, state.len())
        });
    }
}

fn local<E: Engine>(work: &str, trace: &Trace) {
    measure(work, || {
        let mut replica = E::create(1);
        let each = work == "local_each";
        if each {
            replica.listen();
        }
        let (ms, ()) = timed(|| {
            if each {
                type_each(&mut replica, &trace.edits)
            } else {
                replica.edit(&trace.edits)
            }
        });
        assert!(replica.text() == trace.end, "the text is wrong");
        (ms, replica.take_updates().iter().map(Vec::len).sum())
    });
}

fn run<E: Engine>(inputs: &Inputs) {
    let work = inputs.work.as_str();
    if work == "version" {
        return println!("{{\"version\":\"{}\"}}", E::VERSION);
    }
    if work == "crdt" {
        return skip(work, "text only");
    }
    if let Some(name) = work.strip_prefix("concurrent/") {
        let (updates, text) = record_concurrent::<E>(inputs, name);
        return apply_each::<E>(work, &updates, &text);
    }
    if work.ends_with("_x100") {
        if !E::IS_YJS {
            return skip(work, "has another format");
        }
        let (state, text) = (inputs.read("x100.v1"), inputs.read_text("x100.text"));
        if work == "load_x100" {
            return load::<E>(work, &state, "v1", &text);
        }
        return memory::<E>(work, &state, "v1", &text);
    }
    let trace = inputs.trace();
    match work {
        "local_each" | "local_once" => local::<E>(work, &trace),
        "apply_each" => apply_each::<E>(work, &record::<E>(inputs, &trace), &trace.end),
        "encode" => encode::<E>(inputs, &trace),
        "load" => {
            for format in E::FORMATS {
                let state = record_state::<E>(inputs, &trace, format);
                load::<E>(&format!("load_{format}"), &state, format, &trace.end);
            }
        }
        "memory" => {
            let state = record_state::<E>(inputs, &trace, E::FORMATS[0]);
            memory::<E>(work, &state, E::FORMATS[0], &trace.end);
        }
        "merge_10000" | "merge_all" => {
            if !E::IS_YJS {
                return skip(work, "cannot merge updates without a document");
            }
            let mut updates = record::<E>(inputs, &trace);
            if work == "merge_10000" {
                updates.truncate(10_000);
            }
            measure(work, || {
                let (ms, merged) = timed(|| E::merge(&updates).expect("updates merge"));
                (ms, merged.len())
            });
        }
        _ => panic!("there is no work {work}"),
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, engine, folder, work] = &arguments[..] else {
        panic!("usage: weft-peers-native ENGINE FOLDER WORK");
    };
    let inputs = Inputs { folder: folder.clone(), work: work.clone() };
    match engine.as_str() {
        "yrs" => run::<yrs_engine::Yrs>(&inputs),
        "loro" => run::<loro_engine::Loro>(&inputs),
        "diamond-types" => run::<diamond_types_engine::DiamondTypes>(&inputs),
        "automerge" => run::<automerge_engine::Automerge>(&inputs),
        _ => panic!("there is no engine {engine}"),
    }
}
