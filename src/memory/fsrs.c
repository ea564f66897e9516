/* fsrs.c -- FSRS-6 with its default parameters.
 *
 *   R(t, S)   = (1 + F t / S)^-w20, F = 0.9^(-1/w20) - 1, so that R(S, S) = 0.9
 *   first     S = w[G-1], D = clamp(D0(G)), D0(G) = w4 - e^(w5 (G-1)) + 1
 *   difficulty D' = D - w6 (G-3)(10-D)/9; D = clamp(w7 D0(4) + (1-w7) D'), D0(4) not clamped
 *   success   S (1 + e^w8 (11-D) S^-w9 (e^(w10 (1-R)) - 1) [w15 if Hard] [w16 if Easy])
 *   failure   min(w11 D^-w12 ((S+1)^w13 - 1) e^(w14 (1-R)), S / e^(w17 w18))
 *   same day  S e^(w17 (G-3+w18)) S^-w19, the factor at least 1 for Good and Easy
 * S is computed with the old D. Stability begins by tier, not by a first grade: Episodic and
 * Session are lived once, what stands higher was chosen to stay.
 * Rejected: ACT-R activation as a probability (worse than a constant on the same reviews: intervals
 * that a scheduler chose give strong items long gaps); it serves ranking only. */
#include "memory/fsrs_int.h"

#include <math.h>

static const double w[21] = {0.212,  1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194,
                             0.001,  1.8722, 0.1666, 0.796,  1.4835, 0.0614, 0.2629,
                             1.6483, 0.6014, 1.8729, 0.5425, 0.0912, 0.0658, 0.1542};

static const double stability_min = 0.001;
static const double ms_of_day = 86400000.0;

#define SECONDS(n) ((n) / 86400.0)
#define YEARS(n) ((n)*365.25)
/* Episodic: what FSRS gives a first Good. Planetary and above do not fade; a million years keeps
 * the arithmetic finite. */
static const double tier_stability[OMEGA_TIER_COUNT] = {
    [OMEGA_TIER_IMMEDIATE] = SECONDS(1.0),
    [OMEGA_TIER_SHORT_TERM] = SECONDS(300.0),
    [OMEGA_TIER_SESSION] = SECONDS(43200.0),
    [OMEGA_TIER_EPISODIC] = 2.3065,
    [OMEGA_TIER_SEMANTIC] = 30.0,
    [OMEGA_TIER_PROCEDURAL] = 180.0,
    [OMEGA_TIER_STRATEGIC] = YEARS(2.0),
    [OMEGA_TIER_CIVILIZATIONAL] = YEARS(10.0),
    [OMEGA_TIER_EVOLUTIONARY] = YEARS(50.0),
    [OMEGA_TIER_PLANETARY] = YEARS(1e6),
    [OMEGA_TIER_GALACTIC] = YEARS(1e6),
    [OMEGA_TIER_COSMIC] = YEARS(1e6),
};

static double factor(void)
{
    return pow(0.9, -1.0 / w[20]) - 1.0;
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static double first_difficulty(enum om_grade grade)
{
    return w[4] - exp(w[5] * ((double)grade - 1.0)) + 1.0;
}

static double recall_probability(double stability, double days)
{
    return pow(1.0 + factor() * days / stability, -w[20]);
}

struct om_fsrs om_fsrs_first(enum om_grade grade)
{
    return (struct om_fsrs){.difficulty = clamp(first_difficulty(grade), 1.0, 10.0),
                            .stability = w[grade - 1]};
}

static double next_difficulty(double difficulty, enum om_grade grade)
{
    double moved = difficulty - w[6] * ((double)grade - 3.0) * (10.0 - difficulty) / 9.0;
    return clamp(w[7] * first_difficulty(OM_GRADE_EASY) + (1.0 - w[7]) * moved, 1.0, 10.0);
}

static double same_day_stability(double stability, enum om_grade grade)
{
    double gain = exp(w[17] * ((double)grade - 3.0 + w[18])) * pow(stability, -w[19]);
    if (grade >= OM_GRADE_GOOD && gain < 1.0) {
        gain = 1.0;
    }
    return stability * gain;
}

static double failed_stability(struct om_fsrs state, double probability)
{
    double relearned = w[11] * pow(state.difficulty, -w[12]) *
                       (pow(state.stability + 1.0, w[13]) - 1.0) * exp(w[14] * (1.0 - probability));
    double ceiling = state.stability / exp(w[17] * w[18]);
    return relearned < ceiling ? relearned : ceiling;
}

static double recalled_stability(struct om_fsrs state, double probability, enum om_grade grade)
{
    double gain = exp(w[8]) * (11.0 - state.difficulty) * pow(state.stability, -w[9]) *
                  (exp(w[10] * (1.0 - probability)) - 1.0);
    if (grade == OM_GRADE_HARD) {
        gain *= w[15];
    } else if (grade == OM_GRADE_EASY) {
        gain *= w[16];
    }
    return state.stability * (1.0 + gain);
}

struct om_fsrs om_fsrs_review(struct om_fsrs state, enum om_grade grade, double elapsed_days)
{
    double stability;
    if (elapsed_days < 1.0) {
        stability = same_day_stability(state.stability, grade);
    } else {
        double probability = recall_probability(state.stability, elapsed_days);
        stability = grade == OM_GRADE_AGAIN ? failed_stability(state, probability)
                                            : recalled_stability(state, probability, grade);
    }
    return (struct om_fsrs){.difficulty = next_difficulty(state.difficulty, grade),
                            .stability = stability < stability_min ? stability_min : stability};
}

double om_fsrs_interval(double stability, double retention)
{
    double days = stability / factor() * (pow(retention, -1.0 / w[20]) - 1.0);
    days = rint(days);
    return days < 1.0 ? 1.0 : days;
}

double om_retrievability(omega_tier tier, double stability_days, int64_t elapsed_ms)
{
    double days = elapsed_ms > 0 ? (double)elapsed_ms / ms_of_day : 0.0;
    double stability = stability_days < 1e-9 ? 1e-9 : stability_days;
    if (tier <= OMEGA_TIER_SHORT_TERM) {
        return exp(-days / stability);
    }
    return recall_probability(stability, days);
}

double om_initial_stability(omega_tier tier)
{
    OM_ASSERT((unsigned)tier < OMEGA_TIER_COUNT);
    return tier_stability[tier];
}

double om_initial_difficulty(void)
{
    return clamp(first_difficulty(OM_GRADE_GOOD), 1.0, 10.0);
}
