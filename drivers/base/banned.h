/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that this tree does not make (as git's banned.h). Included before every file by the build. */
#ifndef PL_BASE_BANNED_H
#define PL_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PL_BANNED(call) sorry_##call##_is_banned
#undef strcpy
#define strcpy(a, b) PL_BANNED(strcpy)
#undef strcat
#define strcat(a, b) PL_BANNED(strcat)
#undef strncpy
#define strncpy(a, b, n) PL_BANNED(strncpy)
#undef strncat
#define strncat(a, b, n) PL_BANNED(strncat)
#undef strtok
#define strtok(a, b) PL_BANNED(strtok)
#undef sprintf
#define sprintf(...) PL_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) PL_BANNED(vsprintf)
#undef gets
#define gets(a) PL_BANNED(gets)
#undef sleep
#define sleep(a) PL_BANNED(sleep)
#undef usleep
#define usleep(a) PL_BANNED(usleep)
#undef nanosleep
#define nanosleep(a, b) PL_BANNED(nanosleep)
#undef localtime
#define localtime(a) PL_BANNED(localtime)
#undef gmtime
#define gmtime(a) PL_BANNED(gmtime)
#undef atoi
#define atoi(a) PL_BANNED(atoi)

#endif
