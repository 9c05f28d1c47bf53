// Repeats a piece of work and prints its times, as one line of JSON.

const kBudgetMs = 1000
const kMostRuns = 20
// As many as it takes until JavaScript is compiled, unless they take this long.
const kFewestRuns = 5
const kPatienceMs = 3000

// `prepare` makes what a run needs: run() is timed; check() throws when the result is wrong, and
// answers what else there is to tell. The first runs, in which JavaScript is still interpreted, are
// among the times: medians leave them out where there are enough runs.
export function measure (work, prepare, budgetMs = kBudgetMs) {
  const ms = []
  let told = {}
  const enough = spent => ms.length > 0 && spent >= (ms.length < kFewestRuns ? kPatienceMs : budgetMs)
  for (let spent = 0; ms.length < kMostRuns && !enough(spent);) {
    const { run, check } = prepare()
    const begin = performance.now()
    run()
    const took = performance.now() - begin
    told = check()
    spent += took
    ms.push(took)
  }
  console.log(JSON.stringify({ work, ms, ...told }))
}
