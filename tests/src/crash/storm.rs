//! Kills at random moments while people buy, upload and watch at once. A seed repeats the choices.
//!
//! Of a deployment of several processes one is killed, whichever; now and then it is the database or the broker that ends.

use std::{cell::Cell, time::Duration};

use super::{Step, World, points, seed::Choices};

/// What to do, by how many at once: buyers and viewers, an ingest, staff.
const PEOPLE: [&[Step]; 4] = [
    &[Step::Buy, Step::Buy, Step::BuyAnswerLost, Step::BuySlow, Step::BuyDeclined, Step::Cancel],
    &[Step::Play, Step::Play, Step::Rename, Step::Buy],
    &[Step::Ingest, Step::Title, Step::UploadInVain],
    &[Step::Sell, Step::Keys, Step::Grant, Step::Buy, Step::Renew],
];
/// The same in a deployment of several processes, where what a dead process was at is taken up by another one after a while:
/// nobody waits for a film.
const SHOPPERS: [&[Step]; 4] = [
    &[Step::Buy, Step::Buy, Step::BuyAnswerLost, Step::BuySlow, Step::BuyDeclined, Step::Cancel],
    &[Step::Play, Step::Play, Step::Rename, Step::Buy],
    &[Step::Buy, Step::Play, Step::Title],
    &[Step::Sell, Step::Grant, Step::Buy, Step::Renew],
];
/// The longest that the server lives.
const LIFE_MILLISECONDS: u64 = 1500;
/// The longest between two faults where three processes do the same.
const REPLICAS_LIFE_MILLISECONDS: u64 = 5000;
/// How often a point is chosen, of ten kills; the others come when they come.
const AT_A_POINT: u64 = 4;

/// A series of kills.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// Of all choices.
    pub seed: u64,
    /// How many.
    pub kills: u64,
}

/// Kills the server while people go on with what they do; returns once each has come to the end of what they began.
/// Answers how many steps were taken to their end.
pub async fn storm(world: &World, storm: Storm) -> usize {
    world.regular().await;
    world.a_title().await;
    let over = Cell::new(false);
    let people = if world.is_replicated() { SHOPPERS } else { PEOPLE };
    let people = people.iter().enumerate().map(async |(number, steps)| {
        let mut choices = Choices::new(storm.seed ^ (number as u64 + 1).rotate_left(40));
        let mut done = 0;
        while !over.get() {
            choices.of(steps).run(world, None).await;
            done += 1;
        }
        done
    });
    let kills = async {
        let mut choices = Choices::new(storm.seed);
        for _ in 0..storm.kills {
            match world.is_replicated().then(|| choices.below(8)) {
                Some(0) => world.restart_database().await,
                Some(1) => world.restart_broker().await,
                Some(_) | None => kill(world, &mut choices).await,
            }
        }
        over.set(true);
    };
    let (done, ()) = tokio::join!(futures::future::join_all(people), kills);
    done.into_iter().sum()
}

/// One kill: at a point, or when it comes; sometimes before the server is up.
async fn kill(world: &World, choices: &mut Choices) {
    let before = world.deaths();
    let process = choices.below(world.processes() as u64) as usize;
    let life = if world.is_replicated() { REPLICAS_LIFE_MILLISECONDS } else { LIFE_MILLISECONDS };
    let life = Duration::from_millis(choices.below(life));
    if choices.below(10) < AT_A_POINT {
        let all = points();
        let point = format!("{}#{}", choices.of(&all).name(), 1 + choices.below(4));
        world.arm(process, &point);
        if world.dies(before, life * 2).await {
            return;
        }
        world.disarm(process);
    } else {
        tokio::time::sleep(life).await;
    }
    while world.deaths() <= before {
        world.kill(process);
        world.dies(before, Duration::from_millis(100)).await;
    }
}
