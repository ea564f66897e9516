/* tour_int.h -- the tour of `omega quickstart`: what its steps share.
 *
 * Each step does something real, says it in a line or three with the time it took, and adds its
 * figures to the JSON object that --json prints at the end. */
#ifndef OM_TOUR_INT_H
#define OM_TOUR_INT_H

#include "cli/cli_int.h"

enum { TOUR_SOURCES_MAX = 2, TOUR_DIMENSION = 768, TOUR_QUERY_SIZE = 160 };

struct tour {
    struct cli *cli;
    struct om_buf text;
    struct om_json_out json;
    char data[OM_PATH_SIZE]; /* the data directory */
    char sources[TOUR_SOURCES_MAX][OM_PATH_SIZE];
    unsigned source_count;
    unsigned step;
    omega_subscription *events;
    char query[TOUR_QUERY_SIZE]; /* of words from one text, one of them misspelt */
    omega_id asked;              /* the memory that the query is made of */
};

/* tour_say.c: nothing with --json. */
void tour_heading(struct tour *tour, const char *text);
/* A line with the time it took at its end; us < 0: without. */
void tour_line(struct tour *tour, double us, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A result of a recall, and why it was found. */
void tour_result(struct tour *tour, const omega_memory *memory, size_t rank);
double tour_us(int64_t start_ns);

/* tour_steps.c */
omega_status tour_open(struct tour *tour);
omega_status tour_import(struct tour *tour);
omega_status tour_store(struct tour *tour);
omega_status tour_recall(struct tour *tour);
/* tour_look.c */
omega_status tour_look(struct tour *tour);
omega_status tour_reopen(struct tour *tour);

#endif
