//! A server with the interfaces of model servers, which generates numbers instead of text, and has
//! the requested faults.
//!
//! `fake-model-server PORT [FAULT]...`. The names of the faults are in [`Fault`]'s parser.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// CPU time of a token.
const TOKEN: Duration = Duration::from_millis(15);
/// CPU time of a prompt.
const PROMPT: Duration = Duration::from_millis(60);

/// What differs from a server that works.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// The server ends at once, with exit code 7.
    Ends,
    /// It is never ready.
    NeverReady,
    /// It is not ready for this time, ms.
    Slow(u64),
    /// It has no path `/health`.
    NoHealth,
    /// It ends after this number of tokens, with exit code 9.
    Dies(usize),
    /// It sends nothing after this number of tokens.
    Hangs(usize),
    /// It closes the connection after this number of tokens.
    Cuts(usize),
    /// It sends text that is not JSON after this number of tokens.
    Malformed(usize),
    /// It reports an error after this number of tokens.
    Reports(usize),
    /// It reports no counts.
    NoUsage,
    /// Its count of generated tokens is too high by this.
    Miscounts(usize),
    /// This number of prompt tokens is cached.
    Cached(usize),
    /// It sends this number of tokens in one part.
    Joins(usize),
    /// The end token follows after this number of tokens.
    Stops(usize),
    /// Another request is being processed.
    Busy,
    /// It sends the whole answer at once.
    NoStream,
    /// It refuses requests.
    Refuses,
    /// It is a server of llama.cpp.
    Llama,
    /// It has this number of models.
    Models(usize),
    /// It counts processed tokens.
    Metrics,
    /// It processes this number of tokens of another request during each one.
    Others(usize),
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once('=').unwrap_or((text, "0"));
        let number: usize = number.parse().map_err(|_| format!("{text}: no number"))?;
        Ok(match name {
            "ends" => Self::Ends,
            "never-ready" => Self::NeverReady,
            "slow" => Self::Slow(number as u64),
            "no-health" => Self::NoHealth,
            "dies" => Self::Dies(number),
            "hangs" => Self::Hangs(number),
            "cuts" => Self::Cuts(number),
            "malformed" => Self::Malformed(number),
            "reports" => Self::Reports(number),
            "no-usage" => Self::NoUsage,
            "miscounts" => Self::Miscounts(number),
            "cached" => Self::Cached(number),
            "joins" => Self::Joins(number),
            "stops" => Self::Stops(number),
            "busy" => Self::Busy,
            "no-stream" => Self::NoStream,
            "refuses" => Self::Refuses,
            "llama" => Self::Llama,
            "models" => Self::Models(number),
            "metrics" => Self::Metrics,
            "others" => Self::Others(number),
            _ => return Err(format!("{name}: no such fault")),
        })
    }
}

struct ModelServer {
    faults: Vec<Fault>,
    began: Instant,
    requests: AtomicUsize,
    /// Processed tokens of prompts, and generated ones.
    processed: [AtomicUsize; 2],
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let port: u16 = words.next().ok_or("no port")?.parse()?;
    let faults = words.map(|word| word.parse()).collect::<Result<_, _>>()?;
    let server = ModelServer {
        faults,
        began: Instant::now(),
        requests: AtomicUsize::new(0),
        processed: [AtomicUsize::new(3), AtomicUsize::new(4)],
    };
    eprintln!("fake server: loading");
    if server.has(|fault| fault == Fault::Ends) {
        eprintln!("fake server: no such model");
        std::process::exit(7);
    }
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    std::thread::scope(|scope| {
        for stream in listener.incoming().flatten() {
            let server = &server;
            scope.spawn(move || server.serve(stream));
        }
    });
    Ok(())
}

impl ModelServer {
    fn has(&self, is: impl Fn(Fault) -> bool) -> bool {
        self.faults.iter().any(|fault| is(*fault))
    }

    fn number(&self, of: impl Fn(Fault) -> Option<usize>) -> Option<usize> {
        self.faults.iter().find_map(|fault| of(*fault))
    }

    /// Answers the requests of a connection.
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut out = stream;
        while let Some((path, body)) = request(&mut reader)? {
            match path.as_str() {
                "/v1/completions" | "/v1/chat/completions" | "/completion" => {
                    self.generate(&path, &body, &mut out)?;
                }
                "/metrics" if self.has(|fault| fault == Fault::Metrics) => {
                    let [input, output] = &self.processed;
                    let text = format!(
                        "llamacpp:prompt_tokens_total {}\nllamacpp:tokens_predicted_total {}\n",
                        input.load(Ordering::Relaxed),
                        output.load(Ordering::Relaxed)
                    );
                    write!(
                        out,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n\
                         {text}",
                        text.len()
                    )?;
                }
                _ => {
                    let (status, body) = self.short(&path);
                    let name = match self.has(|fault| fault == Fault::Llama) {
                        true => "Server: llama.cpp\r\n",
                        false => "",
                    };
                    short(&mut out, status, name, &body)?;
                }
            }
        }
        Ok(())
    }

    fn short(&self, path: &str) -> (u16, Value) {
        let slow = self.number(|fault| match fault {
            Fault::Slow(ms) => Some(ms as usize),
            Fault::NeverReady => Some(usize::MAX),
            _ => None,
        });
        let is_loading = slow.is_some_and(|ms| self.began.elapsed().as_millis() < ms as u128);
        let has_health = !self.has(|fault| fault == Fault::NoHealth);
        let is_llama = self.has(|fault| fault == Fault::Llama);
        match path {
            "/health" if has_health && is_loading => (503, json!({"error": "loading"})),
            "/health" if has_health => (200, json!({"status": "ok"})),
            "/v1/models" => {
                let owner = if is_llama { "llamacpp" } else { "somebody" };
                let meta = json!({"n_params": 1234, "ftype": "Q4_0"});
                let count = self.number(|fault| match fault {
                    Fault::Models(count) => Some(count),
                    _ => None,
                });
                let further = (2..=count.unwrap_or(1))
                    .map(|number| json!({"id": format!("letters-{number}"), "owned_by": owner}));
                let first = json!({"id": "numbers", "owned_by": owner, "meta": meta});
                let data: Vec<Value> = further.chain([first]).collect();
                (200, json!({ "data": data }))
            }
            "/props" if is_llama => (200, json!({"build_info": "b42", "total_slots": 1})),
            "/slots" if is_llama => {
                let busy = self.has(|fault| fault == Fault::Busy);
                (200, json!([{"id": 0, "is_processing": busy}]))
            }
            "/version" => (200, json!({"version": "0.1"})),
            _ => (404, json!({"error": {"message": "no such path"}})),
        }
    }

    fn generate(&self, path: &str, body: &Value, out: &mut TcpStream) -> io::Result<()> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        eprintln!("fake server: request {number}: {body}");
        if self.has(|fault| fault == Fault::Refuses) {
            return short(
                out,
                400,
                "",
                &json!({"error": {"message": "too long for me"}}),
            );
        }
        if self.has(|fault| fault == Fault::NoStream) {
            return short(out, 200, "", &json!({"choices": [{"text": "0 1 2"}]}));
        }
        let limit = body["max_tokens"].as_u64().or(body["n_predict"].as_u64());
        let limit = limit.unwrap_or(16) as usize;
        write!(
            out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )?;
        let form = Form {
            path,
            server: self,
            limit,
        };
        if path.contains("chat") {
            event(
                out,
                &json!({"choices": [{"delta": {"role": "assistant", "content": null}}]}),
            )?;
        }
        work(PROMPT);
        let stops = self.number(|fault| match fault {
            Fault::Stops(count) => Some(count),
            _ => None,
        });
        let joins = self.number(|fault| match fault {
            Fault::Joins(count) => Some(count),
            _ => None,
        });
        let wanted = stops.map_or(limit, |stops| stops.min(limit));
        let mut sent = 0;
        while sent < wanted {
            if !self.goes_on(sent, out)? {
                return Ok(());
            }
            let count = joins.unwrap_or(1).clamp(1, wanted - sent);
            if sent > 0 {
                work(TOKEN * count as u32);
            }
            let text: String = (sent..sent + count)
                .map(|number| format!(" {number}"))
                .collect();
            event(out, &form.part(&text, count))?;
            sent += count;
        }
        if !self.goes_on(sent, out)? {
            return Ok(());
        }
        let is_stopped = wanted < limit;
        if is_stopped {
            work(TOKEN);
        }
        for value in form.end(sent + usize::from(is_stopped), is_stopped, body) {
            event(out, &value)?;
        }
        let others = self.number(|fault| match fault {
            Fault::Others(count) => Some(count),
            _ => None,
        });
        let [input, output] = &self.processed;
        input.fetch_add(words_of_prompt(body), Ordering::Relaxed);
        let generated = sent + usize::from(is_stopped) + others.unwrap_or(0);
        output.fetch_add(generated, Ordering::Relaxed);
        if path != "/completion" {
            chunk(out, "data: [DONE]\n\n")?;
        }
        write!(out, "0\r\n\r\n")
    }

    /// Fails as requested after `sent` tokens, and returns whether the answer goes on.
    fn goes_on(&self, sent: usize, out: &mut TcpStream) -> io::Result<bool> {
        for fault in &self.faults {
            match *fault {
                Fault::Dies(after) if after == sent => {
                    eprintln!("fake server: out of memory");
                    std::process::exit(9);
                }
                Fault::Hangs(after) if after == sent => {
                    std::thread::sleep(Duration::from_secs(600));
                }
                Fault::Cuts(after) if after == sent => {
                    out.shutdown(std::net::Shutdown::Both)?;
                    return Ok(false);
                }
                Fault::Malformed(after) if after == sent => {
                    chunk(out, "data: {\"choices\": [\n\n")?;
                }
                Fault::Reports(after) if after == sent => {
                    event(out, &json!({"error": {"message": "the context is full"}}))?;
                }
                _ => {}
            }
        }
        Ok(true)
    }
}

/// Form of an answer.
struct Form<'f> {
    path: &'f str,
    server: &'f ModelServer,
    limit: usize,
}

impl Form<'_> {
    fn part(&self, text: &str, count: usize) -> Value {
        match self.path {
            "/completion" => json!({"content": text, "stop": false, "tokens": vec![7; count]}),
            "/v1/completions" => json!({"choices": [{"text": text, "finish_reason": null}],
                                        "model": "numbers"}),
            _ => json!({"choices": [{"delta": {"content": text}, "finish_reason": null}],
                        "model": "numbers"}),
        }
    }

    /// Returns the last events.
    fn end(&self, tokens: usize, is_stopped: bool, body: &Value) -> Vec<Value> {
        let server = self.server;
        let extra = server.number(|fault| match fault {
            Fault::Miscounts(count) => Some(count),
            _ => None,
        });
        let cached = server.number(|fault| match fault {
            Fault::Cached(count) => Some(count),
            _ => None,
        });
        let (output, cached) = (tokens + extra.unwrap_or(0), cached.unwrap_or(0));
        let is_silent = server.has(|fault| fault == Fault::NoUsage);
        let input = words_of_prompt(body);
        let timings = json!({"prompt_n": input - cached.min(input), "cache_n": cached,
                             "predicted_n": output, "predicted_ms": 1.5, "limit": self.limit});
        if self.path == "/completion" {
            let kind = if is_stopped { "eos" } else { "limit" };
            let mut end = json!({"content": "", "tokens": [], "stop": true, "stop_type": kind});
            if !is_silent {
                end["tokens_predicted"] = output.into();
                end["tokens_evaluated"] = input.into();
                end["timings"] = timings;
            }
            return vec![end];
        }
        let reason = if is_stopped { "stop" } else { "length" };
        let choice = match self.path {
            "/v1/completions" => json!({"text": "", "finish_reason": reason}),
            _ => json!({"delta": {}, "finish_reason": reason}),
        };
        let mut all = vec![json!({"choices": [choice], "model": "numbers"})];
        let is_requested = body["stream_options"]["include_usage"] == true;
        if !is_silent && is_requested {
            let details = json!({"cached_tokens": cached});
            let usage = json!({"prompt_tokens": input, "completion_tokens": output,
                               "prompt_tokens_details": details});
            let mut last = json!({"choices": [], "usage": usage});
            if server.has(|fault| fault == Fault::Llama) {
                last["timings"] = timings;
            }
            all.push(last);
        }
        all
    }
}

/// Counts words for tokens of the prompt.
fn words_of_prompt(body: &Value) -> usize {
    let prompt = body["prompt"]
        .as_str()
        .or(body["messages"][0]["content"].as_str());
    prompt.unwrap_or_default().split(' ').count()
}

/// Uses the CPU.
fn work(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Reads a request: its path and its body.
fn request(reader: &mut impl BufRead) -> io::Result<Option<(String, Value)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((
        path,
        serde_json::from_slice(&body).unwrap_or_default(),
    )))
}

fn short(out: &mut TcpStream, status: u16, header: &str, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    write!(
        out,
        "HTTP/1.1 {status} Status\r\n{header}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn event(out: &mut TcpStream, value: &Value) -> io::Result<()> {
    chunk(out, &format!("data: {value}\n\n"))
}

fn chunk(out: &mut TcpStream, text: &str) -> io::Result<()> {
    write!(out, "{:x}\r\n{text}\r\n", text.len())
}
