/* SPDX-License-Identifier: Apache-2.0 */
/* rackd: the reference control stack as a program of its own. */
#include "control/stack/stack.h"

int main(void)
{
  return 2; /* until control/web serves */
}
