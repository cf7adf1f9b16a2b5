//! Worlds that begin alike, go on differently, and must end alike.

use std::time::Duration;

use crate::{
    Broken, Dice,
    broken::{ADVANCE, CONVERGES, hold},
    cast::{DAY, TENANTS},
    dump::{difference, dump},
    finish, passing,
    run::{Options, begin},
    sim::{Action, Sim},
};

/// Two worlds, everything decided; in one the tenants' time moves in one step, in the other in two.
pub(crate) async fn advance(seed: u64, options: &Options) -> Result<(), Broken> {
    let mut dice = Dice::new(seed).fork(3);
    let (first, second) = (hours(&mut dice), hours(&mut dice));
    let mut ends = Vec::new();
    for moves in [vec![first + second], vec![first, second]] {
        let mut sim = begin(seed, options).await?;
        finish::finish(&mut sim).await?;
        for by in &moves {
            for tenant in 0..TENANTS.len() {
                sim.world.advance(tenant, *by);
            }
            finish::settle_now(&mut sim).await?;
        }
        ends.push(dump(&sim).await?);
        sim.world.close().await;
    }
    same(ADVANCE, &ends, &format!("{first:?} and {second:?}"))
}

fn hours(dice: &mut Dice) -> Duration {
    dice.below(80 * 24) as u32 * DAY / 24
}

/// Two worlds in which the same has been asked of the gateway; its answers are heard in two orders, some of them twice.
pub(crate) async fn converge(seed: u64, options: &Options) -> Result<(), Broken> {
    let mut ends = Vec::new();
    for order in 0..2 {
        let mut sim = begin(seed, options).await?;
        let mut dice = Dice::new(seed).fork(4 + order);
        // While somebody waits for held answers and jobs begin to ask; and when the gateway has decided everything.
        for seconds in [6, 100] {
            sim.world.pass(Duration::from_secs(seconds));
            shuffle(&mut sim, &mut dice).await?;
            finish::settle_now(&mut sim).await?;
        }
        ends.push(dump(&sim).await?);
        sim.world.close().await;
    }
    same(CONVERGES, &ends, "two orders")
}

async fn shuffle(sim: &mut Sim, dice: &mut Dice) -> Result<(), Broken> {
    for _ in 0..30 {
        match dice.below(6) {
            0 | 1 => drop(passing::settle(sim).await?),
            2 => drop(passing::tick_of(sim, dice.below(TENANTS.len())).await?),
            3 => sim.perform(Action::PutGrants).await?,
            4 => {
                let keys: Vec<_> = sim.world.gateway.requested().into_keys().collect();
                if !keys.is_empty() {
                    passing::ask_again_after(sim, dice.pick(&keys)).await?;
                }
            }
            _ => match sim.world.gateway.held() {
                0 => {}
                held => drop(sim.answer(dice.below(held), crate::gateway::Told::Answer).await?),
            },
        }
    }
    Ok(())
}

fn same(property: &'static str, ends: &[String], of: &str) -> Result<(), Broken> {
    let found = difference(&ends[0], &ends[1]);
    let (one, other) = found.clone().unwrap_or_default();
    hold!(found.is_none(), property, format!("with {of}: {one}"), "{other}");
    Ok(())
}
