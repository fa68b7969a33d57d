//! What people, platforms and the bank do: mostly what fits the case, now and then what does not.

use crate::stage::{PEOPLE, REGION};
use crate::world::{Reply, Sent, World, Wrong};
use onething_case::{State, Status};
use onething_contract::{
    Capacity, Channel, Effect, Filer, Finding, Material, MaterialStatus, Office, Party, Severity,
    Subject, SubjectKind, Text, Verdict,
};
use onething_engine::{BankAnswer, Decide, HandIn, Sign, Submitted};
use onething_store::Idempotency;
use serde_json::json;
use sha2::{Digest, Sha256};
use simple::rules::{BUDGET, TRAP};
use std::collections::BTreeMap;

pub const PLATFORM: &str = "platform";
pub const LIVES: [&str; 5] = ["plain", "notice", "paid", "line", "instant"];
const FUNCTIONS: [&str; 6] = ["intake", "north", "east", "south", "west", "filer"];

#[derive(Clone, Copy)]
enum Act {
    Submit,
    Again,
    Work,
    Tick,
    Case,
    Fund,
    Collect,
    Bank,
    GoOn,
}

#[derive(Clone, Copy, PartialEq)]
enum CaseAct {
    Decide,
    Astray,
    Correct,
    Sign,
    Supply,
    Object,
    Withdraw,
    Resume,
    Reopen,
    Rate,
    Repair,
    Appeal,
}

impl World {
    /// One act, as the seed says.
    pub async fn act(&mut self) -> Result<(), Wrong> {
        let few = self.known.len() < 3 && self.sent.len() < 4;
        let act = self.rng.weighted(&[
            (if few { 16 } else { 1 }, Act::Submit),
            (if self.sent.is_empty() { 0 } else { 5 }, Act::Again),
            (22, Act::Work),
            (12, Act::Tick),
            (if self.known.is_empty() { 0 } else { 45 }, Act::Case),
            (2, Act::Fund),
            (5, Act::Collect),
            (
                if self.received().taken.is_empty() {
                    0
                } else {
                    8
                },
                Act::Bank,
            ),
            (if self.is_paused() { 20 } else { 0 }, Act::GoOn),
        ]);
        match act {
            Act::Submit => self.submit().await?,
            Act::Again => self.submit_again().await?,
            Act::Work => {
                self.work().await?;
            }
            Act::Tick => self.tick(),
            Act::Case => self.case_act().await?,
            Act::Fund => self.fund().await,
            Act::Collect => {
                self.collect()?;
            }
            Act::Bank => self.bank().await,
            Act::GoOn => self.go_on().await,
        }
        Ok(())
    }

    fn tick(&mut self) {
        let ranges = [
            (20, (1, 30)),
            (20, (60, 3_600)),
            (25, (3_600, 30_000)),
            (15, (86_400, 400_000)),
            (5, (900_000, 3_000_000)),
            (8, (-30, -1)),
            (3, (-90_000, -60)),
        ];
        let (low, high) = self.rng.weighted(&ranges);
        let seconds = self.rng.between(low, high);
        self.advance(seconds);
        self.tell(&format!("the clock moves by {seconds} s"));
    }

    async fn fund(&mut self) {
        let (node, engine) = self.node();
        let amount = *self.rng.pick(&["20.00", "80.00"]).unwrap();
        let now = self.now;
        let fund = engine.fund(BUDGET, amount, "出纳", now);
        self.call(node, "", &format!("fund {amount}"), fund).await;
    }

    pub fn collect(&mut self) -> Result<usize, Wrong> {
        let files = self.received().collect();
        if files > 0 {
            self.tell(&format!("the bank takes {files} files away"));
        }
        Ok(files)
    }

    /// A file is answered by what the case ordered.
    async fn bank(&mut self) {
        let taken: Vec<String> = self.received().taken.iter().cloned().collect();
        if let Some(ticket) = self.rng.pick(&taken).cloned() {
            let returned = self.rng.chance(20);
            self.answer(&ticket, returned).await;
        }
    }

    pub async fn answer(&mut self, ticket: &str, returned: bool) {
        let Ok(Some(row)) = self.store.effect(ticket).await else {
            return;
        };
        let Effect::Payment(order) = &row.intent.effect else {
            return;
        };
        let mut reasons = BTreeMap::new();
        if returned {
            reasons.insert("1".to_owned(), "账号不符".to_owned());
        }
        let answer = BankAnswer::returning(order, &reasons);
        let (node, engine) = self.node();
        let now = self.now;
        let what = format!("the bank answers {ticket}, returned: {returned}");
        self.call(node, "", &what, engine.bank_answer(ticket, &answer, now))
            .await;
    }

    pub fn hand_in(&mut self, mark: &str, person: &str, life: &str) -> HandIn {
        let proof = self.rng.chance(25);
        let day = self.at().get(..10).unwrap().to_owned();
        let materials = if proof {
            vec![Material {
                code: "proof".to_owned(),
                status: MaterialStatus::Promised(day),
            }]
        } else {
            Vec::new()
        };
        let parties = if self.rng.chance(15) {
            vec![Party {
                subject: subject(person),
                name: "申请人".to_owned(),
                role: "applicant".to_owned(),
                signed_at: None,
            }]
        } else {
            Vec::new()
        };
        let amount = *self.rng.pick(&["20.00", "35.50", "60.00"]).unwrap();
        let remark = if proof {
            format!("proof {mark}")
        } else {
            mark.to_owned()
        };
        HandIn {
            subject: subject(person),
            filer: Filer {
                person: subject(person),
                unit: Some(Subject {
                    kind: SubjectKind::Organisation,
                    identifier: "unit-1".to_owned(),
                }),
                capacity: Capacity::Applicant,
            },
            parties,
            region: REGION.to_owned(),
            channel: Channel::Online,
            materials,
            answers: json!({
                "AAC002": person,
                "simple-name": "某人",
                "simple-life": life,
                "simple-amount": amount,
                "simple-account": "6222000011112222",
                "simple-remark": remark,
            }),
            form_digest: None,
        }
    }

    async fn submit(&mut self) -> Result<(), Wrong> {
        let mark = self.mark();
        let person = *self.rng.pick(&PEOPLE).unwrap();
        let life = *self.rng.pick(&LIVES).unwrap();
        let hand_in = self.hand_in(&mark, person, life);
        self.keep(mark, hand_in, None);
        self.send(self.sent.len() - 1).await
    }

    /// What a platform is about to send.
    pub fn keep(&mut self, mark: String, hand_in: HandIn, appeal_of: Option<String>) {
        self.sent.push(Sent {
            mark,
            hand_in,
            appeal_of,
            case_id: None,
        });
    }

    async fn submit_again(&mut self) -> Result<(), Wrong> {
        let index = self.rng.below(self.sent.len());
        self.send(index).await
    }

    /// The same submission under the same key makes the same case, ever.
    pub async fn send(&mut self, index: usize) -> Result<(), Wrong> {
        let sent = self.sent[index].clone();
        let request = Idempotency {
            caller: PLATFORM.to_owned(),
            key: sent.mark.clone(),
            request_sha256: "00".to_owned(),
        };
        let (node, engine) = self.node();
        let (now, life) = (self.now, sent.hand_in.answers["simple-life"].to_string());
        let (request, hand_in) = (Some(request), sent.hand_in);
        let original = sent.appeal_of.clone();
        let submit = async {
            match original {
                None => {
                    let submitted = engine.submit("simple", hand_in, PLATFORM, request, now);
                    submitted.await
                }
                Some(original) => {
                    let appealed = engine.appeal(&original, hand_in, PLATFORM, request, now);
                    appealed.await
                }
            }
        };
        let of = sent
            .appeal_of
            .map(|original| format!(" against {original}"));
        let what = format!("submit {life} {}{}", sent.mark, of.unwrap_or_default());
        match self.call(node, "", &what, submit).await {
            Reply::Done(Submitted::Registered { case_id, earlier }) => {
                self.tell(&format!("  it is case {case_id}, earlier: {earlier}"));
                self.marks.refused.remove(&sent.mark);
                self.marks.doubtful.remove(&sent.mark);
                self.marks.done.insert(sent.mark);
                let before = self.sent[index].case_id.replace(case_id.clone());
                if before.is_some_and(|before| before != case_id) {
                    return Err(format!("one submission made another case {case_id}"));
                }
            }
            Reply::Lost => {
                if !self.marks.done.contains(&sent.mark) {
                    self.marks.doubtful.insert(sent.mark);
                }
            }
            Reply::Done(Submitted::Refused(_)) | Reply::No(_) => {
                if self.marks.done.contains(&sent.mark) {
                    return Err(format!("the submission {} is refused now", sent.mark));
                }
            }
        }
        Ok(())
    }

    async fn case_act(&mut self) -> Result<(), Wrong> {
        let ids: Vec<String> = self.known.keys().cloned().collect();
        let Some(id) = self.rng.pick(&ids).cloned() else {
            return Ok(());
        };
        let state = self.known[&id].state.clone();
        let if_so = |so: bool, often: usize, seldom: usize| if so { often } else { seldom };
        let completed = matches!(state.status.as_str(), "completed");
        let act = self.rng.weighted(&[
            (
                if_so(state.tasks().next().is_some(), 60, 1),
                CaseAct::Decide,
            ),
            (3, CaseAct::Astray),
            (
                if_so(state.status == Status::Correction, 50, 1),
                CaseAct::Correct,
            ),
            (if_so(state.status == Status::Signing, 40, 0), CaseAct::Sign),
            (if_so(promised(&state).is_some(), 25, 1), CaseAct::Supply),
            (
                if_so(state.notices().next().is_some(), 12, 1),
                CaseAct::Object,
            ),
            (2, CaseAct::Withdraw),
            (if_so(state.parked.is_some(), 25, 1), CaseAct::Resume),
            (3, CaseAct::Reopen),
            (if_so(completed, 20, 1), CaseAct::Rate),
            (if_so(state.repair_task().is_some(), 20, 1), CaseAct::Repair),
            (
                if_so(state.may_be_appealed().is_ok(), 8, 1),
                CaseAct::Appeal,
            ),
        ]);
        match act {
            CaseAct::Decide => self.decide(&state).await,
            CaseAct::Astray => self.decide_astray(&state).await,
            CaseAct::Correct => self.correct(&state).await,
            CaseAct::Sign => self.sign(&state).await,
            CaseAct::Supply => self.supply(&state).await,
            CaseAct::Object => self.object(&state).await,
            CaseAct::Withdraw => self.withdraw(&state).await,
            CaseAct::Resume => self.resume(&state).await,
            CaseAct::Reopen => self.reopen(&state).await,
            CaseAct::Rate => self.rate(&state).await,
            CaseAct::Repair => self.repair(&state).await,
            CaseAct::Appeal => self.appeal(&state).await?,
        }
        Ok(())
    }

    async fn decide(&mut self, state: &State) {
        let tasks: Vec<_> = state.tasks().collect();
        let Some(task) = self.rng.pick(&tasks) else {
            return;
        };
        let step = task.step.id.clone();
        let accepting = step == "check";
        let other = self
            .rng
            .pick(&FUNCTIONS)
            .map(|function| office(function))
            .unwrap();
        let earlier = (*self.rng.pick(&["north", "east", "final"]).unwrap()).to_owned();
        let unusual = if accepting { (6, 1, 0) } else { (0, 0, 3) };
        let kind = self.rng.weighted(&[
            (70, 0),
            (4, 1),
            (3, 2),
            (unusual.0, 3),
            (unusual.2, 4),
            (unusual.1, 5),
            (if step == "final" { 15 } else { 1 }, 6),
            (3, 7),
        ]);
        let verdict = match kind {
            0 => Verdict::Approve,
            1 => Verdict::NoObjection,
            2 => Verdict::Reject,
            3 => Verdict::ReturnForCorrection,
            4 => Verdict::Hold,
            5 => Verdict::NotCompetent(other),
            6 => Verdict::SendBack(earlier),
            _ => Verdict::Transfer(other),
        };
        self.decided(state, &step, verdict, task.office().clone())
            .await;
    }

    /// A person of the step's office says it; who that is depends on the step alone.
    pub async fn decided(&mut self, state: &State, step: &str, verdict: Verdict, office: Office) {
        let mark = self.mark();
        let seen = state.step(step).map(|record| record.task_version);
        let trap = self.rng.chance(1) && !matches!(verdict, Verdict::Approve);
        let asked = Decide {
            round: state.round(),
            task_version: seen.filter(|_| self.rng.chance(70)),
            reasons: reasons(&verdict),
            opinion: if trap {
                TRAP.to_owned()
            } else {
                format!("意见 {mark}")
            },
            payload: step
                .starts_with("account-")
                .then(|| json!({"account": "6222000033334444"})),
            ..decide(verdict)
        };
        let what = format!("decide {} {step} {:?}", state.id, asked.verdict);
        let (node, engine) = self.node();
        let (now, by) = (self.now, format!("clerk-{step}"));
        let mark = if trap { String::new() } else { mark };
        let work = engine.decide(&state.id, step, asked, &by, &office, now);
        self.call(node, &mark, &what, work).await;
    }

    /// Too late, by the wrong office, or in the wrong round.
    async fn decide_astray(&mut self, state: &State) {
        let steps = ["check", "north", "east", "final", "notice", "nothing"];
        let step = *self.rng.pick(&steps).unwrap();
        let office = office(self.rng.pick(&FUNCTIONS).unwrap());
        self.decided(state, step, Verdict::Approve, office).await;
    }

    pub async fn correct(&mut self, state: &State) {
        let mark = self.mark();
        let person = state.submission.subject.identifier.clone();
        let life = *self.rng.pick(&LIVES).unwrap();
        let hand_in = self.hand_in(&mark, &person, life);
        let (node, engine) = self.node();
        let now = self.now;
        let correct = async {
            match engine.correct(&state.id, hand_in, PLATFORM, now).await? {
                Submitted::Registered { .. } => Ok(true),
                Submitted::Refused(_) => Ok(false),
            }
        };
        let what = format!("correct {} {life} {mark}", state.id);
        match self.call(node, "", &what, correct).await {
            Reply::Done(true) => self.marks.done.insert(mark),
            Reply::Done(false) | Reply::No(_) => self.marks.refused.insert(mark),
            Reply::Lost => self.marks.doubtful.insert(mark),
        };
    }

    pub async fn sign(&mut self, state: &State) {
        let Some(party) = state.unsigned().next() else {
            return;
        };
        let sign = Sign {
            subject: party.subject.clone(),
            role: party.role.clone(),
            round: state.round(),
        };
        let mark = self.mark();
        let (node, engine) = self.node();
        let now = self.now;
        let work = engine.sign(&state.id, &sign, &mark, now);
        self.call(node, &mark, &format!("sign {}", state.id), work)
            .await;
    }

    pub async fn supply(&mut self, state: &State) {
        let mark = self.mark();
        let at = self.at();
        let (node, engine) = self.node();
        let now = self.now;
        let sha256 = sha256(&mark);
        let work = async {
            let store = engine.store();
            store
                .put_material(mark.as_bytes(), "text/plain", &at)
                .await?;
            let material = Material {
                code: "proof".to_owned(),
                status: MaterialStatus::Supplied(sha256.clone()),
            };
            engine.supply(&state.id, material, now).await
        };
        self.call(node, &mark, &format!("supply {}", state.id), work)
            .await;
    }

    async fn object(&mut self, state: &State) {
        let mark = self.mark();
        let (node, engine) = self.node();
        let now = self.now;
        let text = format!("异议 {mark}");
        let work = engine.object(&state.id, "notice", "neighbour", &text, now);
        self.call(node, &mark, &format!("object {}", state.id), work)
            .await;
    }

    async fn withdraw(&mut self, state: &State) {
        let mark = self.mark();
        let (node, engine) = self.node();
        let (now, reason) = (self.now, format!("不办了 {mark}"));
        let work = engine.withdraw(&state.id, "applicant", &reason, now);
        self.call(node, &mark, &format!("withdraw {}", state.id), work)
            .await;
    }

    async fn resume(&mut self, state: &State) {
        let mark = self.mark();
        let (node, engine) = self.node();
        let now = self.now;
        let work = engine.resume(&state.id, &mark, now);
        self.call(node, &mark, &format!("resume {}", state.id), work)
            .await;
    }
}

/// The material that the case waits for.
pub fn promised(state: &State) -> Option<&Material> {
    let mut materials = state.submission.materials.iter();
    materials.find(|material| matches!(material.status, MaterialStatus::Promised(_)))
}

pub fn sha256(mark: &str) -> String {
    let digest = Sha256::digest(mark.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn office(function: &str) -> Office {
    Office {
        function: function.to_owned(),
        region: REGION.to_owned(),
    }
}

fn decide(verdict: Verdict) -> Decide {
    Decide {
        round: 0,
        task_version: None,
        on_behalf_of: None,
        verdict,
        reasons: Vec::new(),
        opinion: String::new(),
        payload: None,
    }
}

fn subject(identifier: &str) -> Subject {
    Subject {
        kind: SubjectKind::Person,
        identifier: identifier.to_owned(),
    }
}

fn reasons(verdict: &Verdict) -> Vec<Finding> {
    if matches!(
        verdict,
        Verdict::Approve | Verdict::NoObjection | Verdict::Transfer(_)
    ) {
        return Vec::new();
    }
    vec![Finding {
        severity: Severity::Error,
        path: "/simple-amount".to_owned(),
        code: "reason".to_owned(),
        message: Text {
            zh: "理由".to_owned(),
            en: "a reason".to_owned(),
        },
        basis: None,
    }]
}
