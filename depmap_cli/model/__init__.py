"""The Dep-MAP network (Wang, Ye and Wang, AAAI 2026), one file for each part of the paper.

The paper uses T, A, c, S and L with several meanings; the code has one name for each:

============== ================== =========================================== ============
paper          name in code       meaning                                     equation
============== ================== =========================================== ============
B, T           batch, time        videos; sampled frames of a video
f_{j,t}        features           backbone map of frame t at stage j          (1)
T_i, V_i       text, image        CLIP embeddings of a frame, frozen          (1)
gamma          gamma              strength of semantic guidance               (1)
E_t            guided             deepest map after semantic guidance         (1)
G_t            tokens             latent facial behaviours                    (4)
L              token_dim          width of a token                            (4)
M, M-bar       sparsity           how much a token stands out over time       (5), (6)
c, u           sampling_factor    u = c ln T key tokens                       (6)
S_a            similarity         cosine of key tokens and prototypes         (7)
A_a            assignment         transport plan of tokens to prototypes      (7)-(10)
kappa          entropy            entropic regulariser                        (9), (10)
P_a^k          prototypes         (levels, prototypes, token_dim), unit norm  (2), (11)
beta           momentum           of the prototype update                     (2), (11)
A, K           levels, prototypes 4 severity levels, 8 prototypes each        (8)
g_a^k          activations        best match among the tokens of a frame      (12)
w_a^k, logit_a weight, logits     evidence of a frame for a level             (13)
L^cl_{j,t}     contrastive        alignment of a scale with the prototypes    (14)
lambda         contrastive_weight of (14) in the loss                         (3)
============== ================== =========================================== ============

``depmap.py`` composes the parts in the order of Figure 2.
"""
