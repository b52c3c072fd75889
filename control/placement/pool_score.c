/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/pool_in.h"

#include <math.h>

const char *const pool_term_names[TERMS] = {"consolidate", "spread", "cool", "balance", "forecast"};

double pool_share(const struct pl_amounts *part, const struct pl_amounts *whole, enum pl_dimension *fullest)
{
  double most = 0;
  for (int d = 0; d < DIMS; d++)
    if (part->of[d] > 0) {
      double share = whole->of[d] > 0 ? (double)part->of[d] / (double)whole->of[d] : INFINITY;
      if (share > most) {
        most = share;
        if (fullest)
          *fullest = (enum pl_dimension)d;
      }
    }
  return most;
}

static float bounded(double x)
{
  return x < 0 ? 0 : x > 1 ? 1 : (float)x;
}

/* What is left after it is best when it is left evenly: 1 less the distance between the fullest and the emptiest of the dimensions that are used at all. */
float pool_score_balance(const struct node *node, const struct pl_amounts *need)
{
  float least = 1, most = 0;
  for (int d = 0; d < DIMS; d++)
    if (node->capacity.of[d] > 0 && need->of[d] + node->given.of[d] > 0) {
      float share = (float)(need->of[d] + node->given.of[d]) / (float)node->capacity.of[d];
      least = fminf(least, share);
      most = fmaxf(most, share);
    }
  return most > least ? bounded(1 - (most - least)) : 1;
}

/* Consolidation: what is idle is worth nothing, what is in use is worth more the fuller it is. */
static void static_terms(const struct node *node, float terms[TERMS])
{
  double share = pool_share(&node->given, &node->capacity, NULL);
  terms[TERM_CONSOLIDATE] = node->count && node->state != PL_NODE_ASLEEP ? bounded(0.25 + 0.75 * share) : 0;
  terms[TERM_SPREAD] = bounded(1 - share);
  terms[TERM_COOL] = bounded(1 - node->heat);
  terms[TERM_FORECAST] = bounded(1 - node->forecast_share);
  terms[TERM_BALANCE] = 0;
}

void pool_score_terms(const struct node *node, const struct pl_amounts *need, float terms[TERMS])
{
  static_terms(node, terms);
  terms[TERM_BALANCE] = pool_score_balance(node, need);
}

float pool_score_static(const struct pl_pool *pool, const struct node *node)
{
  float terms[TERMS];
  double sum = 0;
  static_terms(node, terms);
  for (int t = 0; t < TERMS; t++)
    sum += pool->weights[t] * (double)terms[t];
  return (float)sum;
}
