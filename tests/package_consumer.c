/* package_consumer.c -- the smallest user of the installed package; also reads as C++. */
#include <omega/base.h>

#include <stdio.h>

int main(void)
{
    omega_tier tier = OMEGA_TIER_UNSET;

    if (strcmp(omega_version(), OMEGA_VERSION_STRING) != 0) {
        printf("headers of %s, library of %s\n", OMEGA_VERSION_STRING, omega_version());
        return 1;
    }
    if (omega_tier_parse(omega_str_of("semantic"), &tier) != OMEGA_OK ||
        tier != OMEGA_TIER_SEMANTIC) {
        printf("%s\n", omega_error_message());
        return 1;
    }
    return 0;
}
