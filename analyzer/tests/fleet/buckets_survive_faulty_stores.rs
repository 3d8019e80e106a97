//! An object store that answers 500, 503, 429 and 412, that truncates, or that is not there.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use crate::fixture::command::{errors, text};
use crate::fixture::{UUID, recording};
use crate::lake;

/// What the store does to the next PUT requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Answers with that status and stores nothing.
    Status(u16),
    /// Stores the object and answers 500, so that it is sent again.
    StoredButFailed,
    /// Stores half of the object.
    Truncated,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    faults: Vec<Fault>,
    puts: usize,
}

/// A store in memory with the part of S3's interface that is used.
struct FakeStore {
    state: Arc<Mutex<State>>,
    endpoint: String,
}

impl FakeStore {
    fn start(faults: &[Fault]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        state.lock().unwrap().faults = faults.iter().rev().copied().collect();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { state, endpoint }
    }

    fn energy(&self, folder: &Path, arguments: &[&str]) -> Output {
        energy(&self.endpoint, folder, arguments)
    }

    /// Writes all objects to a folder.
    fn save(&self, root: &Path) {
        for (name, bytes) in &self.state.lock().unwrap().objects {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}

fn energy(endpoint: &str, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_energy"));
    command.current_dir(folder).args(arguments);
    for (name, value) in [
        ("AWS_ENDPOINT", endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("NO_PROXY", "127.0.0.1"),
    ] {
        command.env(name, value);
    }
    command.output().unwrap()
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            head.push(line.trim_end().to_owned());
        }
        let header = |name: &str| {
            let mut lines = head.iter().filter_map(|line| line.split_once(": "));
            lines
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        };
        let length = header("content-length")
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let only_new = header("if-none-match") == Some("*");
        let mut words = head[0].split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let answer = answer(method, target, only_new, body, &mut state.lock().unwrap());
        stream.write_all(&answer).unwrap();
    }
}

fn answer(method: &str, target: &str, only_new: bool, body: Vec<u8>, state: &mut State) -> Vec<u8> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let name = decoded(path)
        .trim_start_matches("/bucket")
        .trim_start_matches('/')
        .to_owned();
    match method {
        "PUT" => {
            state.puts += 1;
            match state.faults.pop() {
                Some(Fault::Status(status)) => return response(status, b"", false),
                Some(Fault::StoredButFailed) => {
                    state.objects.insert(name, body);
                    return response(500, b"", false);
                }
                Some(Fault::Truncated) => {
                    state.objects.insert(name, body[..body.len() / 2].to_vec());
                    return response(200, b"", false);
                }
                None => {}
            }
            if only_new && state.objects.contains_key(&name) {
                return response(412, b"", false);
            }
            state.objects.insert(name, body);
            response(200, b"", false)
        }
        _ if query.contains("list-type=2") => {
            let prefix = query
                .split('&')
                .find_map(|part| part.strip_prefix("prefix="));
            let prefix = decoded(prefix.unwrap_or_default());
            let names = state
                .objects
                .iter()
                .filter(|(name, _)| name.starts_with(&prefix));
            let entry = |(name, bytes): (&String, &Vec<u8>)| {
                format!(
                    "<Contents><Key>{name}</Key><LastModified>2026-11-30T00:00:00.000Z</LastModified>\
                     <ETag>\"e\"</ETag><Size>{}</Size></Contents>",
                    bytes.len()
                )
            };
            let entries: String = names.map(entry).collect();
            let xml = format!(
                "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>{entries}\
                 </ListBucketResult>"
            );
            response(200, xml.as_bytes(), false)
        }
        _ => match state.objects.get(&name) {
            Some(bytes) => response(200, bytes, method == "HEAD"),
            None => response(404, b"", false),
        },
    }
}

fn response(status: u16, body: &[u8], is_head: bool) -> Vec<u8> {
    let mut response = format!(
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nETag: \"e\"\r\n\
         Last-Modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n\r\n",
        body.len()
    )
    .into_bytes();
    if !is_head {
        response.extend(body);
    }
    response
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

const PUSH: [&str; 3] = ["fleet", "push", "s3://bucket/hosts"];

#[test]
fn faults_of_a_moment_are_repeated_until_all_objects_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    let faults = [
        Fault::Status(503),
        Fault::Status(500),
        Fault::StoredButFailed,
        Fault::Status(429),
    ];
    let store = FakeStore::start(&faults);
    let sent = text(&store.energy(folder.path(), &PUSH));
    assert!(
        sent.starts_with("1 pack sent to s3://bucket/hosts"),
        "{sent}"
    );
    assert!(store.state.lock().unwrap().puts >= 6 + 3);
    let root = folder.path().join("saved");
    store.save(&root);
    lake::check(&root.join("hosts"));
    // The same objects as in a folder.
    text(&energy("", folder.path(), &["fleet", "push", "lake"]));
    assert_eq!(
        lake::objects(&root.join("hosts")),
        lake::objects(&folder.path().join("lake"))
    );
    for arguments in [
        &["fleet", "compact", "s3://bucket/hosts"][..],
        &[
            "fleet",
            "pull",
            "--from",
            "s3://bucket/hosts",
            "--db",
            "pulled.db",
        ],
    ] {
        let output = text(&store.energy(folder.path(), arguments));
        assert!(output.starts_with("1 "), "{output}");
    }
    let measured = |db: &str| lake::recorded(&folder.path().join(db), UUID, "measured_j");
    assert_eq!(measured("pulled.db"), measured("energy.db"));
}

#[test]
fn a_prefix_of_any_characters_is_that_of_the_objects() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    let store = FakeStore::start(&[]);
    let root = "s3://bucket/team~a#1/100%/[x]";
    text(&store.energy(folder.path(), &["fleet", "push", root]));
    let names: Vec<String> = store
        .state
        .lock()
        .unwrap()
        .objects
        .keys()
        .cloned()
        .collect();
    assert!(
        names
            .iter()
            .all(|name| name.starts_with("team~a#1/100%/[x]/v1/")),
        "{names:?}"
    );
    let compacted = text(&store.energy(folder.path(), &["fleet", "compact", root]));
    assert!(compacted.starts_with("1 pack of 1 day"), "{compacted}");
    let pull = ["fleet", "pull", "--from", root, "--db", "pulled.db"];
    assert!(text(&store.energy(folder.path(), &pull)).starts_with("1 run"));
    let invalid = store.energy(folder.path(), &["fleet", "push", "s3://bucket/a//b"]);
    assert_eq!(invalid.status.code(), Some(2), "{}", errors(&invalid));
}

#[test]
fn a_truncated_object_is_reported_and_no_manifest_names_it() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    let store = FakeStore::start(&[Fault::Truncated]);
    let output = store.energy(folder.path(), &PUSH);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("another size"),
        "{}",
        errors(&output)
    );
    let has_manifest = |store: &FakeStore| {
        store
            .state
            .lock()
            .unwrap()
            .objects
            .keys()
            .any(|name| name.contains("/packs/"))
    };
    assert!(!has_manifest(&store));
    let output = store.energy(folder.path(), &PUSH);
    assert!(
        errors(&output).contains("other content"),
        "{}",
        errors(&output)
    );
    store.state.lock().unwrap().objects.clear();
    text(&store.energy(folder.path(), &PUSH));
    assert!(has_manifest(&store));
}

#[test]
fn a_store_that_is_not_there_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    let store = FakeStore::start(&[Fault::Status(403)]);
    let output = store.energy(folder.path(), &PUSH);
    assert_eq!(output.status.code(), Some(1));
    let message = errors(&output);
    assert!(
        message.contains("s3://bucket/hosts/v1/") && message.contains("credentials"),
        "{message}"
    );
    text(&store.energy(folder.path(), &PUSH));
}
