// Spends its time in functions whose names and lines a profile must tell: a trait's function inlined into a generic
// type's, that a closure in an async function calls, which a small executor polls.
// usage: planted_names SECONDS
// Loops are written out and numbers wrap, so that no function of the standard library is inlined into any of these.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::time::{Duration, Instant};

mod planted {
    pub trait Fold {
        fn fold_inlined(self) -> Self;
    }

    impl Fold for u64 {
        #[inline(always)]
        fn fold_inlined(self) -> u64 {
            let mut value = self;
            let mut step = 0;
            while step < 64 {
                value = (value ^ (value >> 29)) * 0x9e3779b97f4a7c15 + 1; // line of fold_inlined
                step += 1;
            }
            value
        }
    }

    pub struct Cruncher<Number> {
        pub first: Number,
    }

    impl<Number: Fold> Cruncher<Number> {
        #[inline(never)]
        pub fn crunch(&self, seed: Number) -> Number {
            let mut seed = seed;
            let mut turn = 0;
            while turn < 4096 {
                seed = seed.fold_inlined(); // line of crunch
                turn += 1;
            }
            seed
        }
    }
}

// Ready when it is asked for the second time.
struct Later(bool);

impl Future for Later {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        Poll::Pending
    }
}

async fn spin_later(cruncher: &planted::Cruncher<u64>, seed: u64) -> u64 {
    Later(false).await;
    let spin = |mut seed: u64| {
        let mut turn = 0;
        while turn < 16 {
            seed = cruncher.crunch(seed); // line of the closure
            turn += 1;
        }
        seed
    };
    spin(seed) + 1 // line of spin_later
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

#[inline(never)]
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Arc::new(Nobody).into();
    let mut context = Context::from_waker(&waker);
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|word| word.parse().ok()).expect("SECONDS");
    let cruncher = planted::Cruncher { first: 1u64 };
    let mut seed = cruncher.first;
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        seed = block_on(spin_later(&cruncher, seed));
    }
    println!("{seed}");
}
