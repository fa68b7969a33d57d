//! Every "no" of a case in one place: its code, why, and what to do, in both languages.

mod afterwards;

pub(crate) use afterwards::*;

use crate::state::Status;
use onething_contract::{Office, Party, Phase, Refusal, Text, Verdict};

/// 陈述权、申辩权，申请行政复议或者提起行政诉讼.
const LICENSING_7: &str = "《行政许可法》第七条";
/// 对申请材料的实质内容进行核实，应当指派两名以上工作人员.
const LICENSING_34: &str = "《行政许可法》第三十四条";
/// 受理、一次性告知补正、不属于本机关职权.
const LICENSING_32: &str = "《行政许可法》第三十二条";
/// 不予许可应当说明理由.
const LICENSING_38: &str = "《行政许可法》第三十八条";

fn refusal(code: &str, zh: impl Into<String>, en: impl Into<String>) -> Refusal {
    Refusal {
        code: code.into(),
        message: Text {
            zh: zh.into(),
            en: en.into(),
        },
        basis: None,
    }
}

// The case as a whole

pub(crate) fn unknown_case() -> Refusal {
    refusal(
        "unknown-case",
        "没有这个办件，请核对办件编号",
        "there is no such case; check its id",
    )
}

pub(crate) fn already_registered(id: &str) -> Refusal {
    refusal(
        "already-registered",
        format!("办件{id}已经收件，不能再次登记"),
        format!("case {id} is registered already; register a case under another id"),
    )
}

pub(crate) fn case_ended(status: &Status) -> Refusal {
    refusal(
        "case-ended",
        "办件已经办结，不再接受变更；如需继续，请重新申报",
        format!(
            "the case is over ({}) and takes no more changes; file a new one",
            status.as_str()
        ),
    )
}

pub(crate) fn wrong_round(given: u32, expected: u32) -> Refusal {
    refusal(
        "stale-round",
        format!("针对的是第{given}轮，应为第{expected}轮；请刷新后按最新申报内容办理"),
        format!(
            "this is for round {given}, not {expected}; reload and look at the newest submission"
        ),
    )
}

pub(crate) fn answers_not_an_object(error: &serde_json::Error) -> Refusal {
    refusal(
        "answers-malformed",
        format!("申报内容不是JSON对象（{error}），请按表单结构重新提交"),
        format!(
            "the answers are not a JSON object ({error}); send one object, element code to value"
        ),
    )
}

pub(crate) fn awaiting_correction() -> Refusal {
    refusal(
        "awaiting-correction",
        "已一次性告知申报人补正，收到补正后再办理",
        "the filer has been asked to correct; decide when the next round is in",
    )
}

pub(crate) fn no_correction_awaited(status: &Status) -> Refusal {
    refusal(
        "no-correction-awaited",
        "办件当前没有待补正的事项，无需补正",
        format!(
            "nothing is to be corrected now ({}); wait for the notice of what to correct",
            status.as_str()
        ),
    )
}

pub(crate) fn another_matter() -> Refusal {
    refusal(
        "another-matter",
        "补正不能更换办理对象、申报单位或办理地区，请另行申报",
        "a correction keeps the subject, the unit and the region; hand in a case of its own",
    )
}

pub(crate) fn already_accepted() -> Refusal {
    Refusal {
        basis: Some(LICENSING_32.into()),
        ..refusal(
            "already-accepted",
            "办件已经受理，不能再要求补正、告知无权受理或增加受理环节",
            "the case is accepted: nothing is returned, declared not competent or added to acceptance any more",
        )
    }
}

pub(crate) fn not_accepted_yet() -> Refusal {
    refusal(
        "not-accepted-yet",
        "办件尚未受理，不能办结；请先完成受理",
        "the case is not accepted yet and cannot be completed; let acceptance be decided first",
    )
}

// Steps and decisions

pub(crate) fn unknown_step(step: &str) -> Refusal {
    refusal(
        "unknown-step",
        format!("办件没有环节{step}，请核对环节标识"),
        format!("the case has no step {step}; look at the case for its steps"),
    )
}

pub(crate) fn wrong_office(step: &str, office: &Office) -> Refusal {
    refusal(
        "wrong-office",
        format!(
            "环节{step}由{}（{}）办理，请由该部门出具意见",
            office.function, office.region
        ),
        format!(
            "step {step} belongs to {} in {}; that office decides it",
            office.function, office.region
        ),
    )
}

pub(crate) fn automatic_step(step: &str) -> Refusal {
    refusal(
        "automatic-step",
        format!("环节{step}由系统自动办理，无需人工出具意见"),
        format!("step {step} is automatic: the bundle decides it, nobody else"),
    )
}

pub(crate) fn not_automatic(step: &str) -> Refusal {
    refusal(
        "not-automatic",
        format!("环节{step}由部门办理，系统不能代为出具意见"),
        format!("step {step} belongs to an office: a bundle decides automatic steps only"),
    )
}

pub(crate) fn step_not_open(step: &str) -> Refusal {
    refusal(
        "step-not-open",
        format!("环节{step}尚未开始，请等待前序环节通过"),
        format!("step {step} is waiting; it opens when the steps before it are approved"),
    )
}

pub(crate) fn already_decided(step: &str) -> Refusal {
    refusal(
        "already-decided",
        format!("环节{step}已有意见，不能重复出具；如需更改，请由后续环节退回"),
        format!("step {step} is decided already; to change that, a later step sends it back"),
    )
}

pub(crate) fn stale_task(step: &str, given: u32, current: u32) -> Refusal {
    refusal(
        "stale-task",
        format!("环节{step}的任务已更新（第{current}版，提交的是第{given}版），请刷新后再办理"),
        format!(
            "the task of step {step} is at version {current}, not {given}; reload and decide again"
        ),
    )
}

pub(crate) fn verdict_not_here(verdict: &Verdict, phase: Phase) -> Refusal {
    let (zh, en) = match phase {
        Phase::Acceptance => ("受理", "acceptance"),
        Phase::Examination => ("审查", "examination"),
    };
    let name = verdict_name(verdict);
    Refusal {
        basis: verdict_basis(verdict),
        ..refusal(
            "verdict-not-here",
            format!("{zh}环节不适用意见类型{name}，请改用其他意见"),
            format!("{name} is not possible in {en}; choose another verdict"),
        )
    }
}

pub(crate) fn reasons_missing(verdict: &Verdict) -> Refusal {
    let name = verdict_name(verdict);
    Refusal {
        basis: verdict_basis(verdict),
        ..refusal(
            "reasons-missing",
            format!("意见类型{name}应当说明理由，请至少写明一条问题"),
            format!("{name} must say why: give at least one reason of severity error"),
        )
    }
}

pub(crate) fn step_not_earlier(step: &str, target: &str) -> Refusal {
    refusal(
        "step-not-earlier",
        format!("环节{step}只能退回其前序环节，{target}不是"),
        format!("step {step} can be sent back to a step that it comes after; {target} is none"),
    )
}

pub(crate) fn step_not_decided(step: &str) -> Refusal {
    refusal(
        "step-not-decided",
        format!("环节{step}没有可撤回的意见，不能重新开始"),
        format!("step {step} has no decision to take back and cannot be reopened"),
    )
}

pub(crate) fn already_effective(step: &str) -> Refusal {
    refusal(
        "already-effective",
        format!("环节{step}的意见已经生效，不能撤回"),
        format!("the decision of step {step} has taken effect and cannot be taken back"),
    )
}

pub(crate) fn same_person(step: &str, other: &str) -> Refusal {
    Refusal {
        basis: Some(LICENSING_34.into()),
        ..refusal(
            "same-person",
            format!("环节{step}与环节{other}应由不同的人办理（含代办和被代办），请由他人出具意见"),
            format!(
                "step {step} is not decided by whoever decided {other}, nor for them; let somebody else decide"
            ),
        )
    }
}

pub(crate) fn deputy_of_self() -> Refusal {
    refusal(
        "deputy-of-self",
        "代办应写明被代办的另一人；为本人办理的无需填写",
        "on-behalf-of names somebody else; leave it out where you decide for yourself",
    )
}

pub(crate) fn reason_missing() -> Refusal {
    refusal(
        "reason-missing",
        "撤回意见应当说明理由",
        "taking a decision back needs a reason",
    )
}

// Signatures

pub(crate) fn awaiting_signatures() -> Refusal {
    refusal(
        "awaiting-signatures",
        "尚有当事人未签名，全部签名后再办理",
        "parties have still to sign; the case goes on when all of them have",
    )
}

pub(crate) fn not_a_party(role: &str) -> Refusal {
    refusal(
        "not-a-party",
        format!("申报中没有角色为{role}的该签名人，请核对身份和角色"),
        format!("the submission names no such party in the role {role}; check who signs as what"),
    )
}

pub(crate) fn nothing_to_sign() -> Refusal {
    refusal(
        "nothing-to-sign",
        "办件当前不在签名阶段，无需签名，也不能撤回签名",
        "the case does not wait for signatures: nothing is signed or taken back now",
    )
}

pub(crate) fn already_signed(party: &Party) -> Refusal {
    refusal(
        "already-signed",
        format!("{}已经签名，无需重复签名", party.name),
        format!("{} has signed already; nothing is left to do", party.name),
    )
}

pub(crate) fn not_signed(party: &Party) -> Refusal {
    refusal(
        "not-signed",
        format!("{}尚未签名，没有可撤回的签名", party.name),
        format!(
            "{} has not signed; there is nothing to take back",
            party.name
        ),
    )
}

// Public notices

pub(crate) fn not_a_notice(step: &str) -> Refusal {
    refusal(
        "not-a-notice",
        format!("环节{step}不是公示，不能提出异议或期满办结"),
        format!("step {step} is no public notice: nobody objects to it and no period ends it"),
    )
}

pub(crate) fn notice_running(step: &str) -> Refusal {
    refusal(
        "notice-running",
        format!("环节{step}正在公示，期满前无人提出异议的，不能提前通过或者暂缓"),
        format!(
            "step {step} is a public notice that still runs; unless somebody objects it is neither passed early nor held"
        ),
    )
}

pub(crate) fn notice_objected(step: &str) -> Refusal {
    refusal(
        "notice-objected",
        format!("环节{step}的公示已有异议，由办理部门核实后出具意见"),
        format!(
            "somebody has objected to step {step}: its office decides, not the end of the period"
        ),
    )
}

pub(crate) fn objection_empty() -> Refusal {
    refusal(
        "objection-empty",
        "异议应当写明内容",
        "an objection says what it objects to: give its text",
    )
}

// Materials

pub(crate) fn material_not_awaited(code: &str) -> Refusal {
    refusal(
        "material-not-awaited",
        format!("材料{code}不是待补交的材料，无需提交"),
        format!("material {code} is not awaited; supply only what was promised or is missing"),
    )
}

pub(crate) fn material_already_supplied(code: &str) -> Refusal {
    refusal(
        "already-supplied",
        format!("材料{code}已经提交，无需重复提交"),
        format!("material {code} is here already; nothing is left to do"),
    )
}

pub(crate) fn material_not_supplied(code: &str) -> Refusal {
    refusal(
        "material-not-supplied",
        format!("材料{code}没有附上内容，请提交文件、证照、共享数据或承诺"),
        format!(
            "material {code} comes without proof: give a file, a licence, a register or a commitment"
        ),
    )
}

// Effects, money, operators

pub(crate) fn no_money_awaited(budget: &str) -> Refusal {
    refusal(
        "no-money-awaited",
        format!("办件没有等待预算{budget}的资金"),
        format!("the case does not wait for money of {budget}"),
    )
}

pub(crate) fn bank_answer_incomplete(ticket: &str) -> Refusal {
    refusal(
        "bank-answer-incomplete",
        format!("银行回执与付款指令{ticket}不符，每一笔应有且仅有一条结果（paid或returned）"),
        format!(
            "the bank's answer to {ticket} does not match the order: one result, paid or returned, for each line and no other"
        ),
    )
}

pub(crate) fn unknown_ticket(ticket: &str) -> Refusal {
    refusal(
        "unknown-ticket",
        format!("办件没有事务{ticket}"),
        format!("the case has promised no effect under {ticket}"),
    )
}

pub(crate) fn already_settled(ticket: &str) -> Refusal {
    refusal(
        "already-settled",
        format!("事务{ticket}已有结果，以先到的结果为准"),
        format!("the effect {ticket} has its outcome already; the first one stands"),
    )
}

pub(crate) fn prerequisite_failed(ticket: &str) -> Refusal {
    refusal(
        "prerequisite-failed",
        format!("前置事务{ticket}未能完成，本事务不再执行"),
        format!("not carried out: the effect {ticket}, which comes first, was refused"),
    )
}

pub(crate) fn not_parked() -> Refusal {
    refusal(
        "not-parked",
        "办件没有挂起，无需恢复",
        "the case is not parked; there is nothing to resume",
    )
}

// Timers

pub(crate) fn not_due(timer: &str, rung: &str) -> Refusal {
    refusal(
        "not-due",
        format!("计时{timer}已经结束、暂停或者已提醒过（{rung}），无需再提醒"),
        format!(
            "the timer {timer} does not run, or its rung {rung} has rung; nothing is left to do"
        ),
    )
}

/// The law that says when a verdict is given, and that it gives reasons.
fn verdict_basis(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::ReturnForCorrection | Verdict::NotCompetent(_) => Some(LICENSING_32.into()),
        Verdict::Reject => Some(LICENSING_38.into()),
        _ => None,
    }
}

fn verdict_name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "approve",
        Verdict::NoObjection => "no-objection",
        Verdict::Reject => "reject",
        Verdict::ReturnForCorrection => "return-for-correction",
        Verdict::Hold => "hold",
        Verdict::NotCompetent(_) => "not-competent",
        Verdict::SendBack(_) => "send-back",
        Verdict::Transfer(_) => "transfer",
    }
}
