/* config_table_int.h -- the table of settings, for the files of runtime/. */
#ifndef OM_CONFIG_TABLE_INT_H
#define OM_CONFIG_TABLE_INT_H

#include "core/core.h"
#include "omega/config.h"

extern const struct om_option_table om_config_table;

/* OMEGA_EINVAL when a config is given (NULL: the defaults) that carries no struct_size. */
OMEGA_MUST_CHECK omega_status om_config_require(const omega_config *given);
/* A full config of this version out of a caller's (NULL: the defaults). Ranges are not checked. */
void om_config_take(omega_config *out, const omega_config *given);

/* The directory that it names, or the system's default place. */
OMEGA_MUST_CHECK omega_status om_config_data_dir(const omega_config *config,
                                                 char out[OM_PATH_SIZE]);

#endif
