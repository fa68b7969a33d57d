//! Two nodes on one PostgreSQL against one, with as many submitters altogether.

use crate::rate::office_decides;
use crate::world::{World, at_once, submit};
use crate::{CHILD, Databases, Kind, float, median};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

const HOME: &str = "ONETHING_BENCH_HOME";
const URL: &str = "ONETHING_BENCH_URL";
const SUBMITTERS: usize = 64;
const JOBS: usize = 512;
const RUNS: usize = 5;

pub fn run(world: &World, databases: &Databases) {
    let url = databases.fresh(Kind::Postgres, "");
    let mut nodes = [Node::start(world, &url), Node::start(world, &url)];
    let mut first = 0;
    let mut turn = |nodes: &mut [Node]| {
        let share = JOBS / nodes.len();
        let submitters = SUBMITTERS / nodes.len();
        let started = Instant::now();
        for node in nodes.iter_mut() {
            node.ask(first, share, submitters);
            first += share;
        }
        for node in nodes {
            node.hear();
        }
        float(JOBS) / started.elapsed().as_secs_f64()
    };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    // The first of each warms up.
    for number in 0..=RUNS {
        let rates = (turn(&mut nodes[..1]), turn(&mut nodes));
        if number > 0 {
            one.push(rates.0);
            two.push(rates.1);
        }
    }
    let (one, two) = (median(&one), median(&two));
    println!(
        "nodes: one {one:.0}/s, two {two:.0}/s submissions with a decision each on one PostgreSQL; ratio {:.2} (at least 0.9)",
        two / one
    );
}

/// Another process, which does as it is asked line by line.
struct Node {
    process: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Node {
    fn start(world: &World, url: &str) -> Node {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .env(CHILD, "node")
            .env(HOME, &world.home)
            .env(URL, url);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut node = Node {
            asks: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
        };
        node.hear();
        node
    }

    fn ask(&mut self, first: usize, count: usize, submitters: usize) {
        writeln!(self.asks, "{first} {count} {submitters}").unwrap();
    }

    fn hear(&mut self) {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert_eq!(line, "done\n");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It ends by itself when nobody asks; nothing is to be left behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn child() {
    let home = PathBuf::from(std::env::var_os(HOME).unwrap());
    let url = std::env::var(URL).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = World::open(&home);
    let engine = world.engine(runtime.block_on(world.store(&url)));
    println!("done");
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let mut numbers = line
            .split(' ')
            .map(|number| number.parse::<usize>().unwrap());
        let mut next = || numbers.next().unwrap();
        let (first, count, submitters) = (next(), next(), next());
        let hand_ins = (0..count).map(|job| world.hand_ins.of(first + job));
        let hand_ins: Arc<Vec<_>> = Arc::new(hand_ins.collect());
        let engine = engine.clone();
        runtime.block_on(at_once(count, submitters, move |job| {
            let engine = engine.clone();
            let hand_in = hand_ins[job].clone();
            async move {
                let id = submit(&engine, first + job, hand_in).await;
                office_decides(&engine, &id).await;
            }
        }));
        println!("done");
    }
}
