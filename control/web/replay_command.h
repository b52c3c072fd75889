/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_WEB_REPLAY_COMMAND_H
#define PL_CONTROL_WEB_REPLAY_COMMAND_H

/* `rackd replay-decisions`; words[0] is the command. Returns the exit code. */
#define PL_REPLAY_COMMAND "replay-decisions"
int pl_replay_command(int count, char **words);

#endif
