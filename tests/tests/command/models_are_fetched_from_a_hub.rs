//! `energy run --model hf:…`: files are fetched from a hub once, and missing files are
//! reported. The test's hub answers like the real one.

#[allow(unreachable_pub, dead_code)]
#[path = "../../../models/tests/family/mod.rs"]
mod family;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};

use candle_core::DType;
use energy_tests::energy;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Serves the files of one folder as `owner/name`, at its main branch.
struct Hub {
    endpoint: String,
    /// Requested paths.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    fn of(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (folder, noted) = (folder.to_owned(), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = answer(stream.expect("a connection"), &folder, &noted);
            }
        });
        Self { endpoint, requests }
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().expect("no panic"))
    }
}

fn answer(stream: TcpStream, folder: &Path, noted: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let path = lines[0].split(' ').nth(1).unwrap_or_default().to_owned();
    noted.lock().expect("no panic").push(path.clone());
    let range = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(": bytes=")?;
        name.eq_ignore_ascii_case("range").then(|| value.to_owned())
    });
    let (status, headers, body) = respond(&path, range.as_deref(), folder);
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n")?;
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "Content-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

type Answer = (&'static str, BTreeMap<&'static str, String>, Vec<u8>);

fn respond(path: &str, range: Option<&str>, folder: &Path) -> Answer {
    let none = || {
        (
            "404 Not Found",
            BTreeMap::new(),
            b"Entry not found".to_vec(),
        )
    };
    if path == "/api/models/owner/name/revision/main" {
        let files = std::fs::read_dir(folder).expect("a folder");
        let name = |file: std::io::Result<std::fs::DirEntry>| {
            let name = file.expect("a file").file_name();
            serde_json::json!({ "rfilename": name.to_string_lossy() })
        };
        let siblings: Vec<_> = files.map(name).collect();
        let info = serde_json::json!({ "siblings": siblings, "sha": COMMIT });
        return ("200 OK", BTreeMap::new(), info.to_string().into_bytes());
    }
    let Some(file) = path.strip_prefix("/owner/name/resolve/main/") else {
        return none();
    };
    let Ok(bytes) = std::fs::read(folder.join(file)) else {
        return none();
    };
    let (first, last) = range
        .and_then(|range| range.split_once('-'))
        .unwrap_or(("0", ""));
    let first: usize = first.parse().expect("a range");
    let last = last.parse().unwrap_or(bytes.len() - 1);
    let headers = BTreeMap::from([
        ("X-Repo-Commit", COMMIT.to_owned()),
        ("ETag", format!("\"{file}-1\"")),
        (
            "Content-Range",
            format!("bytes {first}-{last}/{}", bytes.len()),
        ),
    ]);
    ("206 Partial Content", headers, bytes[first..=last].to_vec())
}

struct World {
    home: tempfile::TempDir,
    endpoint: String,
}

impl World {
    fn run(&self, model: &str) -> Output {
        let mut command = energy(env!("CARGO_BIN_EXE_energy-command"));
        command
            .current_dir(self.home.path())
            .args([
                "run",
                "hello",
                "--raw",
                "--baseline",
                "0s",
                "--max-tokens",
                "2",
            ])
            .args(["--source", "modelled", "--model", model])
            .env("HF_ENDPOINT", &self.endpoint)
            .env("HF_HOME", self.home.path().join("hub"));
        // The hub is on this machine: bypass proxies.
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command.output().expect("the command")
    }
}

/// Returns a hub whose repository `write` fills, and a user with an empty cache.
fn world(write: impl FnOnce(&Path)) -> (Hub, World, tempfile::TempDir) {
    let files = tempfile::tempdir().expect("a folder");
    write(files.path());
    let hub = Hub::of(files.path());
    let home = tempfile::tempdir().expect("a folder");
    let endpoint = hub.endpoint.clone();
    (hub, World { home, endpoint }, files)
}

fn messages(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_folder_is_fetched_once() {
    let (hub, world, _files) = world(|folder| {
        family::folder::write(&family::find("qwen2"), folder, DType::F32, 2);
        std::fs::write(folder.join("README.md"), "not needed").expect("written");
    });
    let first = world.run("hf:owner/name");
    assert!(first.status.success(), "{}", messages(&first));
    let requests = hub.requests();
    let has = |file: &str| requests.iter().any(|path| path.ends_with(file));
    assert!(
        has("config.json") && has("model-00002-of-00002.safetensors"),
        "{requests:?}"
    );
    assert!(!has("README.md"), "{requests:?}");
    // Without the hub, from the cache.
    let away = World {
        endpoint: "http://127.0.0.1:9".to_owned(),
        ..world
    };
    let again = away.run("hf:owner/name");
    assert!(again.status.success(), "{}", messages(&again));
    assert_eq!(hub.requests(), [] as [String; 0]);
}

#[test]
fn several_files_are_listed() {
    let (_hub, world, files) = world(|folder| {
        family::find("llama2").write_gguf(&folder.join("q8.gguf"));
    });
    let only = world.run("hf:owner/name");
    assert!(only.status.success(), "{}", messages(&only));
    let one = files.path().join("q8.gguf");
    std::fs::copy(&one, files.path().join("q4.gguf")).expect("copied");
    let several = messages(&world.run("hf:owner/name"));
    assert!(
        several.contains("q4.gguf") && several.contains("q8.gguf"),
        "{several}"
    );
    let named = world.run("hf:owner/name/q4.gguf");
    assert!(named.status.success(), "{}", messages(&named));
    let cached: Vec<PathBuf> = walk(&world.home.path().join("hub"));
    assert!(
        cached.iter().any(|path| path.ends_with("q4.gguf")),
        "{cached:?}"
    );
}

#[test]
fn all_parts_of_a_file_are_fetched_and_listed() {
    let (hub, world, files) = world(|folder| {
        let whole = folder.join("whole.gguf");
        family::find("llama2").write_gguf(&whole);
        family::parts::write(&whole, 2);
        std::fs::remove_file(whole).expect("removed");
    });
    let output = world.run("hf:owner/name");
    assert!(output.status.success(), "{}", messages(&output));
    let requests = hub.requests();
    let has = |file: &str| requests.iter().any(|path| path.ends_with(file));
    assert!(has("m-00001-of-00002.gguf") && has("m-00002-of-00002.gguf"));
    let second = world.run("hf:owner/name/m-00002-of-00002.gguf");
    assert!(second.status.success(), "{}", messages(&second));
    let broken = files.path().join("broken.gguf");
    std::fs::write(&broken, "version https://git-lfs.github.com/spec/v1").expect("written");
    let output = energy(env!("CARGO_BIN_EXE_energy-command"))
        .args(["models", "--format", "json", "--models"])
        .arg(files.path())
        .env("HF_HOME", world.home.path().join("hub"))
        .env("XDG_CACHE_HOME", world.home.path())
        .output()
        .expect("the command");
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let listed = listed["models"].as_array().expect("a list");
    let find = |name: &str| {
        let ends = |model: &&serde_json::Value| {
            model["model"]
                .as_str()
                .is_some_and(|text| text.ends_with(name))
        };
        let found: Vec<_> = listed.iter().filter(ends).collect();
        assert_eq!(found.len(), 1, "{name}: {listed:?}");
        found[0].clone()
    };
    let known = find("smollm2");
    assert_eq!(
        (&known["is_cached"], &known["memory_bytes"]),
        (&false.into(), &().into())
    );
    for name in [
        "hf:owner/name/m-00001-of-00002.gguf",
        "/m-00001-of-00002.gguf",
    ] {
        let models = listed.iter().filter(|model| {
            model["model"]
                .as_str()
                .is_some_and(|text| text.ends_with(name))
        });
        for model in models {
            assert_eq!(model["architecture"], "llama");
            assert_eq!(model["precision"], "f32");
            assert!(model["memory_bytes"].as_u64() > model["parameters"].as_u64().map(|n| 4 * n));
        }
    }
    find("hf:owner/name/m-00001-of-00002.gguf");
    let broken = find("broken.gguf");
    let problem = broken["problem"].as_str().expect("a text");
    assert!(problem.contains("Git LFS"), "{problem}");
    assert_eq!(broken["memory_bytes"], serde_json::Value::Null);
}

/// Lists the models of the cache and of a folder as JSON.
fn listed(world: &World, folder: &Path) -> Vec<serde_json::Value> {
    let output = energy(env!("CARGO_BIN_EXE_energy-command"))
        .args(["models", "--format", "json", "--models"])
        .arg(folder)
        .env("HF_HOME", world.home.path().join("hub"))
        .env("XDG_CACHE_HOME", world.home.path())
        .output()
        .expect("the command");
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    listed["models"].as_array().expect("a list").clone()
}

#[test]
fn incomplete_models_are_listed_with_what_they_lack() {
    let (_hub, world, files) = world(|folder| {
        family::folder::write(&family::find("qwen2"), folder, DType::F32, 2);
    });
    let fetched = world.run("hf:owner/name");
    assert!(fetched.status.success(), "{}", messages(&fetched));
    let of = |name: &str| {
        let all = listed(&world, files.path()).into_iter();
        let mut found = all.filter(|model| model["model"].as_str() == Some(name));
        found.next().unwrap_or_else(|| panic!("no {name}"))
    };
    let whole = of("hf:owner/name");
    assert_eq!(whole["is_cached"], true);
    assert_eq!(whole["problem"], serde_json::Value::Null);
    let shard = "model-00002-of-00002.safetensors";
    let cached = walk(&world.home.path().join("hub"));
    let link = cached.iter().find(|path| path.ends_with(shard));
    std::fs::remove_file(link.expect("a cached file")).expect("removed");
    let incomplete = of("hf:owner/name");
    assert_eq!(incomplete["is_cached"], false);
    let problem = incomplete["problem"].as_str().expect("a text");
    assert!(
        problem.contains(shard) && problem.contains("`energy run --model hf:owner/name`"),
        "{problem}"
    );
    // A folder in which a tensor of the index is in no file.
    let path = files.path().join(shard);
    let device = candle_core::Device::Cpu;
    let mut tensors = candle_core::safetensors::load(&path, &device).expect("tensors");
    let last = tensors.keys().max().expect("a tensor").clone();
    tensors.remove(&last);
    candle_core::safetensors::save(&tensors, &path).expect("written");
    let folder = of(files.path().to_str().expect("a text"));
    let problem = folder["problem"].as_str().expect("a text");
    assert!(
        problem.contains(&format!("tensor `{last}`")) && problem.contains("is missing"),
        "{problem}"
    );
}

#[test]
fn files_missing_on_the_hub_are_reported() {
    let (_hub, world, _files) = world(|folder| {
        std::fs::write(folder.join("README.md"), "nothing").expect("written");
    });
    for (model, expected) in [
        ("hf:owner/other", "hf:owner/other: does not exist"),
        (
            "hf:owner/name/none.gguf",
            "hf:owner/name/none.gguf: does not exist",
        ),
        ("hf:owner/name", "has neither a GGUF file nor"),
        ("hf:owner", "write hf:OWNER/REPO"),
    ] {
        let output = world.run(model);
        let message = messages(&output);
        assert!(
            !output.status.success() && message.contains(expected),
            "{message}"
        );
    }
    let away = World {
        endpoint: "http://127.0.0.1:9".to_owned(),
        ..world
    };
    let message = messages(&away.run("hf:owner/name"));
    assert!(
        message.contains("download failed") && message.contains("HF_ENDPOINT"),
        "{message}"
    );
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => files.extend(walk(&path)),
            false => files.push(path),
        }
    }
    files
}
