/* fsrs_int.h -- how well a memory is remembered. Private to memory/.
 *
 * FSRS-6 (open-spaced-repetition/py-fsrs 3abe686, MIT; default parameters): a difficulty 1..10 and
 * a stability in days, the time after which retrievability has fallen to 0.9. Immediate and
 * Short-term decay exponentially instead: they live for seconds and minutes, where FSRS says
 * nothing. Threads: any; pure functions. */
#ifndef OM_FSRS_INT_H
#define OM_FSRS_INT_H

#include "core/core.h"

enum om_grade {
    OM_GRADE_AGAIN = 1, /* contradicted or corrected */
    OM_GRADE_HARD,      /* shown, not known whether it was used */
    OM_GRADE_GOOD,      /* used */
    OM_GRADE_EASY       /* used and confirmed */
};

struct om_fsrs {
    double difficulty, stability;
};

/* The first review. */
struct om_fsrs om_fsrs_first(enum om_grade grade);
/* A later one, `elapsed_days` (>= 0) after the last. */
struct om_fsrs om_fsrs_review(struct om_fsrs state, enum om_grade grade, double elapsed_days);
/* Days until retrievability falls to `retention` (0..1), whole, at least 1. */
double om_fsrs_interval(double stability, double retention);

/* Retrievability 0..1 after `elapsed_ms` (less than 0 counts as 0) with stability in days. */
double om_retrievability(omega_tier tier, double stability_days, int64_t elapsed_ms);
/* What a new memory of the tier starts with, in days. */
double om_initial_stability(omega_tier tier);
double om_initial_difficulty(void);

#endif
