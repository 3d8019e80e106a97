//! Clients that keep up receive each message once, in order. Others receive gaps that, with the
//! messages, cover all numbers exactly once; and what is in a gap can be read again.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::filter::Filter;
use super::super::frame::Frame;
use super::super::page::PageLimits;
use super::super::ring::{Gap, Next, Ring, RingLimits};
use super::super::spool::SpoolLimits;
use super::*;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// A message of this run and size is published.
    Publish { run: usize, padding: usize },
    /// Time passes, in ms.
    Wait(u64),
    /// A client takes at most that many messages.
    Take { client: usize, most: usize },
    /// A client loses the last messages with its connection, and resumes before them.
    Reconnect { client: usize, lost: usize },
}

const CLIENTS: usize = 3;
const RUNS: [&str; 2] = ["run-a", "run-b"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..RUNS.len(), 0..600_usize).prop_map(|(run, padding)| Step::Publish { run, padding }),
        1 => (0..700_u64).prop_map(Step::Wait),
        3 => (0..CLIENTS, 1..12_usize).prop_map(|(client, most)| Step::Take { client, most }),
        1 => (0..CLIENTS, 0..5_usize).prop_map(|(client, lost)| Step::Reconnect { client, lost }),
    ]
}

/// What a client was sent, as first and last number; the flag is set for gaps.
#[derive(Debug, Clone, Default)]
struct Client {
    taken: Vec<(u64, u64, bool)>,
}

impl Client {
    fn reached(&self) -> u64 {
        self.taken.last().map_or(0, |(_, to, _)| *to)
    }

    fn take(&mut self, most: usize, next: impl Fn(u64) -> Next) {
        for _ in 0..most {
            match next(self.reached()) {
                Next::End => return,
                Next::Frame(frame) => self.taken.push((frame.seq, frame.seq, false)),
                Next::Gap(Gap { from, to }) => self.taken.push((from, to, true)),
            }
        }
    }

    fn covers(&self, last: u64) -> bool {
        let mut expected = 1;
        self.taken.iter().all(|(from, to, _)| {
            let follows = *from == expected && to >= from;
            expected = to + 1;
            follows
        }) && expected == last + 1
    }

    fn gaps(&self) -> impl Iterator<Item = (u64, u64)> {
        let gaps = self.taken.iter().filter(|(_, _, is_gap)| *is_gap);
        gaps.map(|(from, to, _)| (*from, *to))
    }
}

proptest! {
    #[test]
    fn numbers_are_covered_exactly_once(steps in prop::collection::vec(step(), 0..150)) {
        let limits = RingLimits { bytes: 4000, age: Duration::from_secs(1) };
        let ring = Ring::new(limits);
        let mut now = Instant::now();
        let mut last = 0;
        let mut clients = vec![Client::default(); CLIENTS];
        let mut keeps_up = Client::default();
        for step in steps {
            match step {
                Step::Publish { run, padding } => {
                    last += 1;
                    ring.push(Frame::new(last, message(Some(RUNS[run]), padding), None), now);
                }
                Step::Wait(ms) => now += Duration::from_millis(ms),
                Step::Take { client, most } => clients[client].take(most, |seq| ring.next(seq)),
                Step::Reconnect { client, lost } => {
                    let kept = clients[client].taken.len().saturating_sub(lost);
                    clients[client].taken.truncate(kept);
                }
            }
            keeps_up.take(1, |seq| ring.next(seq));
        }
        for client in &mut clients {
            client.take(usize::MAX, |seq| ring.next(seq));
            prop_assert!(client.covers(last), "{client:?}");
        }
        prop_assert!(keeps_up.covers(last));
        prop_assert_eq!(keeps_up.gaps().count(), 0);
    }

    #[test]
    fn gaps_can_be_read_again(
        steps in prop::collection::vec(step(), 0..80),
        page in 1..9_usize,
        page_bytes in 1..3000_usize,
    ) {
        let feed = feed(2000, SpoolLimits { segment_bytes: 3000, ..SpoolLimits::default() });
        let mut clients = vec![Client::default(); CLIENTS];
        let mut published = Vec::new();
        for step in steps {
            match step {
                Step::Publish { run, padding } => {
                    let sent = message(Some(RUNS[run]), padding);
                    published.push(Frame::new(published.len() as u64 + 1, sent, None));
                    publish(&feed, RUNS[run], padding);
                    spooled(&feed);
                }
                Step::Take { client, most } => clients[client].take(most, |seq| feed.next(seq)),
                Step::Wait(_) | Step::Reconnect { .. } => {}
            }
        }
        let limits = PageLimits { messages: page, bytes: page_bytes };
        for client in &mut clients {
            client.take(usize::MAX, |seq| feed.next(seq));
            for (from, to) in client.gaps() {
                let again = read_again(&feed, &Filter::default(), limits, from, to);
                let missed = &published[from as usize - 1..to as usize];
                let missed: Vec<_> = missed.iter().map(|one| (one.seq, one.text.to_string())).collect();
                prop_assert_eq!(again, missed);
            }
        }
        let last = published.len() as u64;
        for run in RUNS {
            let filter = Filter::new(Some(run.to_owned()), None, None).unwrap();
            let of_run = published.iter().filter(|one| one.label.run.as_deref() == Some(run));
            let of_run: Vec<_> = of_run.map(|one| (one.seq, one.text.to_string())).collect();
            prop_assert_eq!(read_again(&feed, &filter, limits, 1, last), of_run);
        }
    }

    #[test]
    fn a_bounded_spool_holds_the_newest_messages(
        sizes in prop::collection::vec(0..900_usize, 1..60),
        segments in 1..4_usize,
    ) {
        let limits = SpoolLimits { segments, segment_bytes: 1500, ..SpoolLimits::default() };
        let feed = feed(700, limits);
        for padding in &sizes {
            publish(&feed, RUNS[0], *padding);
            spooled(&feed);
        }
        let last = sizes.len() as u64;
        let oldest = feed.oldest_seq();
        let limits = PageLimits { messages: 4, bytes: 2000 };
        let kept = read_again(&feed, &Filter::default(), limits, oldest, last);
        let numbers: Vec<u64> = kept.iter().map(|(seq, _)| *seq).collect();
        prop_assert_eq!(numbers, (oldest..=last).collect::<Vec<_>>());
        let bytes: usize = kept.iter().map(|(_, text)| text.len()).sum();
        prop_assert!(bytes <= segments * (1500 + 1200), "{bytes} bytes are kept");
        if oldest > 1 {
            prop_assert!(page_at(&feed, &Filter::default(), limits, oldest - 1).is_none());
        }
    }
}

/// A feed whose ring holds few bytes.
fn feed(bytes: usize, spool: SpoolLimits) -> Arc<Feed> {
    let age = Duration::from_secs(3600);
    Feed::with_limits(FeedLimits {
        ring: RingLimits { bytes, age },
        spool,
        ..FeedLimits::default()
    })
}

fn page_at(
    feed: &Arc<Feed>,
    filter: &Filter,
    limits: PageLimits,
    from: u64,
) -> Option<super::super::page::Page> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(feed.read(from, filter, limits)).unwrap()
}

/// Reads page after page until `to`.
fn read_again(
    feed: &Arc<Feed>,
    filter: &Filter,
    limits: PageLimits,
    from: u64,
    to: u64,
) -> Vec<(u64, String)> {
    let mut texts = Vec::new();
    let mut next = from;
    while next <= to {
        let page = page_at(feed, filter, limits, next).unwrap();
        assert!(page.texts.len() <= limits.messages);
        assert!(page.next > next, "a page without progress at {next}");
        next = page.next;
        texts.extend(page.texts);
    }
    texts.retain(|(seq, _)| *seq <= to);
    texts
}

#[test]
fn a_full_disk_ends_the_spool_and_not_the_messages() {
    let feed = feed(
        1 << 20,
        SpoolLimits {
            create: full_disk,
            ..SpoolLimits::default()
        },
    );
    publish(&feed, "run-a", 10);
    until("the spool fails", || {
        publish(&feed, "run-a", 10);
        feed.last_seq() >= 3 && matches!(feed.next(1), Next::Frame(_)) && errors(&feed) > 0
    });
    for _ in 0..20 {
        publish(&feed, "run-a", 10);
    }
    assert_eq!(errors(&feed), 1, "it is reported once");
    let page = page_at(
        &feed,
        &Filter::default(),
        PageLimits {
            messages: usize::MAX,
            bytes: usize::MAX,
        },
        1,
    );
    let last = feed.last_seq();
    assert_eq!(page.unwrap().texts.len() as u64, last);
}

/// Counts messages about the spool's failure.
fn errors(feed: &Feed) -> usize {
    let frames = (0..feed.last_seq()).filter_map(|seq| match feed.next(seq) {
        Next::Frame(frame) => Some(frame),
        Next::Gap(_) | Next::End => None,
    });
    frames
        .filter(|frame| frame.label.kind == MessageKind::Error)
        .inspect(|frame| assert!(frame.text.contains("TMPDIR"), "{}", frame.text))
        .count()
}
