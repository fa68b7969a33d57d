//! The "no" to what is asked about time, promises, commitments, and after the end.

use super::{LICENSING_7, refusal};
use crate::state::Status;
use onething_contract::{Office, Party, Refusal};

/// 证明事项告知承诺制: 事中事后核查.
const COMMITMENTS: &str = "国办发〔2020〕42号";
/// 政务服务“好差评”: 差评回访整改.
const RATINGS: &str = "国办发〔2019〕51号";

fn based(basis: &str, refusal: Refusal) -> Refusal {
    Refusal {
        basis: Some(basis.into()),
        ..refusal
    }
}

// Time

pub(crate) fn time_malformed(at: &str) -> Refusal {
    refusal(
        "time-malformed",
        format!("时间{at}格式不正确，应形如2025-01-06T09:00:00+08:00"),
        format!("the time {at} is not like 2025-01-06T09:00:00+08:00"),
    )
}

pub(crate) fn clock_behind(last_at: &str, at: &str) -> Refusal {
    refusal(
        "clock-behind",
        format!(
            "本机时钟（{at}）早于办件最近一次记录（{last_at}），未作任何变更，请校准时钟后重试"
        ),
        format!(
            "this machine's clock ({at}) is behind the last event of the case ({last_at}); nothing was changed: check the clock and try again"
        ),
    )
}

pub(crate) fn signed_in_future(party: &Party) -> Refusal {
    refusal(
        "signed-in-future",
        format!("{}的签名时间晚于申报时间，请核对签名时间", party.name),
        format!(
            "{} would have signed after the submission came in; check signed_at",
            party.name
        ),
    )
}

pub(crate) fn not_signing() -> Refusal {
    refusal(
        "not-signing",
        "办件不在签名阶段，不能因逾期未签名终止",
        "the case does not wait for signatures and cannot lapse for the want of them",
    )
}

// Promised materials

pub(crate) fn promise_malformed(code: &str) -> Refusal {
    refusal(
        "promise-malformed",
        format!("材料{code}的承诺补交日期应形如2025-01-10"),
        format!("material {code} is promised for no day; write it like 2025-01-10"),
    )
}

pub(crate) fn material_not_promised(code: &str) -> Refusal {
    refusal(
        "material-not-promised",
        format!("材料{code}没有承诺补交，不存在逾期"),
        format!("material {code} was not promised and cannot be overdue"),
    )
}

pub(crate) fn promise_not_due(code: &str, by: &str) -> Refusal {
    refusal(
        "promise-not-due",
        format!("材料{code}承诺于{by}前（含当日）补交，尚未逾期"),
        format!("material {code} is promised by {by}, that day included; it is not overdue yet"),
    )
}

pub(crate) fn already_overdue(code: &str) -> Refusal {
    refusal(
        "already-overdue",
        format!("材料{code}已记为逾期"),
        format!("material {code} is known to be overdue already"),
    )
}

// Commitments

pub(crate) fn check_before_completion() -> Refusal {
    based(
        COMMITMENTS,
        refusal(
            "check-before-completion",
            "办件办结后方可核查承诺",
            "a commitment is checked after the case is completed; wait for its end",
        ),
    )
}

pub(crate) fn not_committed(code: &str) -> Refusal {
    based(
        COMMITMENTS,
        refusal(
            "not-committed",
            format!("材料{code}不是以承诺代替的，无需核查"),
            format!("no commitment stands for material {code}; there is nothing to check"),
        ),
    )
}

pub(crate) fn office_without_step(office: &Office) -> Refusal {
    refusal(
        "wrong-office",
        format!(
            "{}（{}）不是该办件的办理部门，由牵头部门或办理部门核查",
            office.function, office.region
        ),
        format!(
            "{} in {} has no step in the case; the lead or another office of the case checks",
            office.function, office.region
        ),
    )
}

pub(crate) fn already_checked(code: &str) -> Refusal {
    refusal(
        "already-checked",
        format!("材料{code}的承诺已经核查，每项承诺核查一次"),
        format!("the commitment for material {code} is checked already; it is checked once"),
    )
}

pub(crate) fn opinion_missing() -> Refusal {
    based(
        COMMITMENTS,
        refusal(
            "opinion-missing",
            "承诺不实的，应写明核查情况",
            "a commitment that was not kept needs an opinion that says what was found",
        ),
    )
}

// Rating and repair

pub(crate) fn not_completed() -> Refusal {
    refusal(
        "not-completed",
        "办件办结后方可评价",
        "only a completed case can be rated; wait for its end",
    )
}

pub(crate) fn already_rated() -> Refusal {
    refusal(
        "already-rated",
        "办件已经评价，每个办件只能评价一次",
        "the case is rated already; a case is rated once",
    )
}

pub(crate) fn score_out_of_range(score: u8) -> Refusal {
    refusal(
        "score-out-of-range",
        format!("评分{score}超出范围，请给出1至5分"),
        format!("the score {score} is out of range; give 1 to 5"),
    )
}

pub(crate) fn nothing_to_repair() -> Refusal {
    based(
        RATINGS,
        refusal(
            "nothing-to-repair",
            "办件没有差评，无需整改",
            "the case has no poor rating; there is nothing to mend",
        ),
    )
}

pub(crate) fn already_repaired() -> Refusal {
    refusal(
        "already-repaired",
        "差评已经整改，无需重复办理",
        "the poor rating has been answered already; nothing is left to do",
    )
}

pub(crate) fn repair_empty() -> Refusal {
    based(
        RATINGS,
        refusal(
            "repair-empty",
            "整改应写明回访和整改情况",
            "a repair says what was done: give its text",
        ),
    )
}

// Appeal

pub(crate) fn not_appealable(status: &Status) -> Refusal {
    based(
        LICENSING_7,
        refusal(
            "not-appealable",
            "只有办结、不予受理或不予许可的办件可以申诉",
            format!(
                "only a case that was completed, rejected or not accepted can be appealed; this one is {}",
                status.as_str()
            ),
        ),
    )
}

pub(crate) fn appeal_of_appeal() -> Refusal {
    based(
        LICENSING_7,
        refusal(
            "not-appealable",
            "申诉办件不能再次申诉，可以依法申请行政复议或者提起行政诉讼",
            "an appeal is not appealed again; administrative review and the courts are open",
        ),
    )
}

pub(crate) fn already_appealed(case_id: &str) -> Refusal {
    refusal(
        "already-appealed",
        format!("办件已申诉（办件{case_id}），每个办件只能申诉一次"),
        format!("the case is appealed already, as case {case_id}; a case is appealed once"),
    )
}

pub(crate) fn appeal_of_another_matter() -> Refusal {
    refusal(
        "another-matter",
        "申诉应与原办件的事项、办理对象和版本一致",
        "an appeal keeps the matter, the subject and the version of the case that it goes over",
    )
}
